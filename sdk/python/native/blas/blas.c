/* The functions of BLAS that NumPy calls, for WebAssembly with vectors of 128 bits: matrix products are blocked and packed as in Goto and van de
 * Geijn, "Anatomy of High-Performance Matrix Multiplication" (2008); the rest are loops. Results are the same on
 * each machine: relaxed vector instructions, whose results may differ, are not used. */

#include <stddef.h>
#include <stdlib.h>

#include "cblas.h"

/* Rows of a tile. */
#define ROWS 4
/* The size of a block: a packed panel of either operand fits the first cache, and a block of rows the second. */
#define MAX_BLOCK_ROWS 96
#define MAX_BLOCK_DEPTH 256
#define BLOCK_COLUMNS 512
/* Products of fewer multiplications take longer to pack than to compute. */
#define SMALL 1000

#define JOIN_(a, b) a##_##b
#define JOIN(a, b) JOIN_(a, b)
#define CBLAS_(prefix, name) cblas_##prefix##name
#define CBLAS_EXPANDED(prefix, name) CBLAS_(prefix, name)
#define F(name) JOIN(TYPE, name)
#define CBLAS(name) CBLAS_EXPANDED(TYPE, name)
#define FORTRAN_(prefix, name) prefix##name##_
#define FORTRAN_EXPANDED(prefix, name) FORTRAN_(prefix, name)
#define FORTRAN(name) FORTRAN_EXPANDED(TYPE, name)

#define REAL float
#define P(name) JOIN(single, name)
#include "real.h"
#define TYPE s
#define PARTS 1
#include "functions.h"
#undef TYPE
#undef PARTS
#define TYPE c
#define PARTS 2
#include "functions.h"
#undef TYPE
#undef PARTS
#undef REAL
#undef P
#undef WIDTH
#undef COLUMNS
#undef SPLAT

#define REAL double
#define P(name) JOIN(wide, name)
#include "real.h"
#define TYPE d
#define PARTS 1
#include "functions.h"
#undef TYPE
#undef PARTS
#define TYPE z
#define PARTS 2
#include "functions.h"
