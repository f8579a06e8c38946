// Private to CSandbox: filter.c prepares, inner.c installs.
int sandbox_filter_install(void);
