/* One umbrella for the module map; gumbo's own header needs no help. */
#ifndef PARLEY_CGUMBO_SHIM_H
#define PARLEY_CGUMBO_SHIM_H

#include <gumbo.h>

#endif
