/* Jansson tells a value's type and an error's code only through a macro and through a function that shares its name
 * with an enum; Swift sees neither. */
#ifndef PARLEY_CJANSSON_SHIM_H
#define PARLEY_CJANSSON_SHIM_H

#include <jansson.h>

static inline int cjansson_type(const json_t *value) { return (int)json_typeof(value); }

static inline int cjansson_error_code(const json_error_t *error) { return (int)json_error_code(error); }

#endif
