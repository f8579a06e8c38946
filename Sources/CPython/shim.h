#define PY_SSIZE_T_CLEAN
#include <Python.h>

// What Swift cannot import: macros, and functions with variable arguments. Nothing else belongs here.

/// The exact type of a value, borrowed. Comparing it with a builtin type is the check that no subclass passes.
static inline PyTypeObject *python_type(PyObject *value) { return Py_TYPE(value); }

/// The name of the exact type, as the type object stores it (for a Python class: its `__name__`).
static inline const char *python_type_name(PyObject *value) { return Py_TYPE(value)->tp_name; }

static inline int python_is_none(PyObject *value) { return Py_IsNone(value); }
static inline PyObject *python_none(void) { return Py_None; }
static inline int python_is_true(PyObject *value) { return Py_IsTrue(value); }
static inline PyObject *python_tuple_item(PyObject *tuple, Py_ssize_t index) { return PyTuple_GET_ITEM(tuple, index); }
static inline PyObject *python_list_item(PyObject *list, Py_ssize_t index) { return PyList_GET_ITEM(list, index); }
static inline Py_ssize_t python_tuple_count(PyObject *tuple) { return PyTuple_GET_SIZE(tuple); }
static inline Py_ssize_t python_list_count(PyObject *list) { return PyList_GET_SIZE(list); }
static inline Py_ssize_t python_unicode_count(PyObject *text) { return PyUnicode_GET_LENGTH(text); }
static inline Py_ssize_t python_bytes_count(PyObject *bytes) { return PyBytes_GET_SIZE(bytes); }
static inline PyObject *python_memory_error(void) { return PyExc_MemoryError; }

/// Bits of the absolute value of an exact int; -1 cast on overflow.
static inline size_t python_int_bits(PyObject *integer) { return _PyLong_NumBits(integer); }

/// One entry of an exact set or frozenset, borrowed; 0 at the end.
static inline int python_set_next(PyObject *set, Py_ssize_t *position, PyObject **value) {
  Py_hash_t hash;
  return _PySet_NextEntry(set, position, value, &hash);
}

/// The kinds of value that have a canonical text; anything else, every subclass included, is `PYTHON_OTHER`.
enum python_kind {
  PYTHON_NONE, PYTHON_BOOL, PYTHON_INT, PYTHON_FLOAT, PYTHON_STR, PYTHON_BYTES,
  PYTHON_LIST, PYTHON_TUPLE, PYTHON_DICT, PYTHON_SET, PYTHON_FROZENSET, PYTHON_OTHER
};

/// Decides by the identity of the type object, which model-written code cannot fake or change.
static inline enum python_kind python_kind(PyObject *value) {
  if (Py_IsNone(value)) return PYTHON_NONE;
  if (PyBool_Check(value)) return PYTHON_BOOL;
  if (PyLong_CheckExact(value)) return PYTHON_INT;
  if (PyFloat_CheckExact(value)) return PYTHON_FLOAT;
  if (PyUnicode_CheckExact(value)) return PYTHON_STR;
  if (PyBytes_CheckExact(value)) return PYTHON_BYTES;
  if (PyList_CheckExact(value)) return PYTHON_LIST;
  if (PyTuple_CheckExact(value)) return PYTHON_TUPLE;
  if (PyDict_CheckExact(value)) return PYTHON_DICT;
  if (Py_IS_TYPE(value, &PySet_Type)) return PYTHON_SET;
  if (PyFrozenSet_CheckExact(value)) return PYTHON_FROZENSET;
  return PYTHON_OTHER;
}

/// Sets where the interpreter lives; Swift's exclusivity forbids passing a structure and its own field.
static inline PyStatus python_set_home(PyConfig *configuration, const char *home, const char *program) {
  PyStatus status = PyConfig_SetBytesString(configuration, &configuration->home, home);
  if (PyStatus_Exception(status)) return status;
  return PyConfig_SetBytesString(configuration, &configuration->program_name, program);
}
