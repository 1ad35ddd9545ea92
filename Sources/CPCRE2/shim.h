/* PCRE2 wants its code unit width before its header, and names its functions by macros that paste that width on;
 * Swift calls the pasted names (pcre2_match_8). */
#ifndef PARLEY_CPCRE2_SHIM_H
#define PARLEY_CPCRE2_SHIM_H

#define PCRE2_CODE_UNIT_WIDTH 8
#include <pcre2.h>

#endif
