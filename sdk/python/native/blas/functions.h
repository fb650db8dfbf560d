/* The functions of one type: included with `REAL`, `P(name)` for what the precision has, `F(name)` for this type's own, `CBLAS(name)` for the
 * exported names, and `PARTS`, which is 2 for complex numbers. Pointers are of `REAL`, and strides count elements. */

/* Packed complex numbers take more memory than real ones. */
#define BLOCK_ROWS (MAX_BLOCK_ROWS / PARTS)
#define BLOCK_DEPTH (MAX_BLOCK_DEPTH / PARTS)

#if PARTS == 1
#define ELEMENT REAL
#define SCALAR REAL
#define VALUE(scalar) ((F(value)){{scalar}})
#else
#define ELEMENT void
#define SCALAR const void *
#define VALUE(scalar) (F(load)(scalar, 0))
#endif

typedef struct {
    REAL part[PARTS];
} F(value);

/* An operand: `op(A)` of the call. */
typedef struct {
    const REAL *data;
    ptrdiff_t row, column;
    int conjugate;
} F(matrix);

static inline F(value) F(load)(const REAL *from, int conjugate) {
    F(value) value;
    value.part[0] = from[0];
#if PARTS == 2
    value.part[1] = conjugate ? -from[1] : from[1];
#else
    (void)conjugate;
#endif
    return value;
}

static inline F(value) F(at)(const F(matrix) * from, ptrdiff_t row, ptrdiff_t column) {
    return F(load)(from->data + (row * from->row + column * from->column) * PARTS, from->conjugate);
}

static inline int F(is)(F(value) value, REAL number) {
#if PARTS == 2
    return value.part[0] == number && value.part[1] == 0;
#else
    return value.part[0] == number;
#endif
}

/* `sum + x * y`, with complex products in the order that `add_tile` has. */
static inline F(value) F(add)(F(value) sum, F(value) x, F(value) y) {
    sum.part[0] += x.part[0] * y.part[0];
#if PARTS == 2
    sum.part[0] += -x.part[1] * y.part[1];
    sum.part[1] += x.part[1] * y.part[0];
    sum.part[1] += x.part[0] * y.part[1];
#endif
    return sum;
}

static inline F(value) F(scaled)(F(value) scale, F(value) value) {
    return F(is)(scale, 1) ? value : F(add)((F(value)){{0}}, scale, value);
}

static inline void F(store)(REAL *to, F(value) value) {
    for (int part = 0; part < PARTS; part++) to[part] = value.part[part];
}

static F(matrix) F(operand)(enum CBLAS_ORDER order, enum CBLAS_TRANSPOSE trans, const REAL *data, int stride) {
    int by_rows = (order == CblasRowMajor) == (trans == CblasNoTrans);
    return (F(matrix)){data, by_rows ? stride : 1, by_rows ? 1 : stride, trans == CblasConjTrans};
}

/* A vector with a negative increment begins at its end. */
static ptrdiff_t F(first)(int n, int increment) {
    return increment < 0 ? (ptrdiff_t)(1 - n) * increment * PARTS : 0;
}

/* Panels of `ROWS` rows of numbers, with the factor `alpha`; what is missing in the last panel is zero. A complex number is the matrix
 * [re, -im; im, re], so that the product of real panels is that of complex ones. */
static void F(pack_rows)(const F(matrix) * a, size_t row, size_t rows, size_t from, size_t depth, F(value) alpha, REAL *to) {
    const size_t height = ROWS / PARTS;
    for (size_t panel = 0; panel < rows; panel += height)
        for (size_t at = 0; at < depth; at++, to += ROWS * PARTS)
            for (size_t inner = 0; inner < height; inner++) {
                F(value) value = {{0}};
                if (panel + inner < rows) value = F(scaled)(alpha, F(at)(a, row + panel + inner, from + at));
#if PARTS == 2
                to[2 * inner] = value.part[0];
                to[2 * inner + 1] = value.part[1];
                to[ROWS + 2 * inner] = -value.part[1];
                to[ROWS + 2 * inner + 1] = value.part[0];
#else
                to[inner] = value.part[0];
#endif
            }
}

/* Panels of `COLUMNS` columns; the parts of complex numbers are rows one below the other. */
static void F(pack_columns)(const F(matrix) * b, size_t from, size_t depth, size_t column, size_t columns, REAL *to) {
    for (size_t panel = 0; panel < columns; panel += COLUMNS)
        for (size_t at = 0; at < depth; at++, to += COLUMNS * PARTS)
            for (size_t inner = 0; inner < COLUMNS; inner++) {
                F(value) value = {{0}};
                if (panel + inner < columns) value = F(at)(b, from + at, column + panel + inner);
                for (int part = 0; part < PARTS; part++) to[part * COLUMNS + inner] = value.part[part];
            }
}

/* Adds the product of packed blocks to `rows` by `columns` elements at `c`; with `triangle`, to those on and above the diagonal, of which
 * the first row has the one at `diagonal`. */
static void F(add_block)(size_t rows, size_t columns, size_t depth, const REAL *a, const REAL *b, REAL *c, ptrdiff_t row_stride,
                         ptrdiff_t column_stride, int triangle, ptrdiff_t diagonal) {
    const size_t height = ROWS / PARTS;
    for (size_t column = 0; column < columns; column += COLUMNS)
        for (size_t row = 0; row < rows; row += height) {
            size_t wide = columns - column < COLUMNS ? columns - column : COLUMNS;
            size_t high = rows - row < height ? rows - row : height;
            ptrdiff_t offset = (ptrdiff_t)column - (ptrdiff_t)row - diagonal;
            if (triangle && offset + (ptrdiff_t)wide <= 0) continue;
            const REAL *panel_a = a + row * depth * PARTS * PARTS, *panel_b = b + column * depth * PARTS;
            REAL *corner = c + ((ptrdiff_t)row * row_stride + (ptrdiff_t)column * column_stride) * PARTS;
            int whole = wide == COLUMNS && high == height && (!triangle || offset >= (ptrdiff_t)height - 1);
            if (PARTS == 1 && whole && column_stride == 1) {
                P(add_tile)(depth * PARTS, panel_a, panel_b, corner, row_stride);
                continue;
            }
            REAL tile[ROWS * COLUMNS] = {0};
#define EACH_ELEMENT(DO)                                                                                             \
    for (size_t down = 0; down < high; down++)                                                                       \
        for (size_t across = 0; across < wide; across++)                                                             \
            if (!triangle || offset + (ptrdiff_t)across >= (ptrdiff_t)down)                                          \
                for (size_t part = 0; part < PARTS; part++) {                                                        \
                    REAL *inner = tile + (down * PARTS + part) * COLUMNS + across;                                   \
                    REAL *outer = corner + ((ptrdiff_t)down * row_stride + (ptrdiff_t)across * column_stride) * PARTS + part; \
                    DO;                                                                                              \
                }
            EACH_ELEMENT(*inner = *outer)
            P(add_tile)(depth * PARTS, panel_a, panel_b, tile, COLUMNS);
            EACH_ELEMENT(*outer = *inner)
#undef EACH_ELEMENT
        }
}

/* `c = alpha * a * b + c`, without packing: for small matrices, and where there is no memory. */
static void F(add_plain)(size_t m, size_t n, size_t k, F(value) alpha, F(matrix) a, F(matrix) b, REAL *c, ptrdiff_t row_stride,
                         ptrdiff_t column_stride, int triangle) {
    for (size_t row = 0; row < m; row++)
        for (size_t column = triangle ? row : 0; column < n; column++) {
            REAL *to = c + ((ptrdiff_t)row * row_stride + (ptrdiff_t)column * column_stride) * PARTS;
            F(value) sum = F(load)(to, 0);
            for (size_t at = 0; at < k; at++) sum = F(add)(sum, F(scaled)(alpha, F(at)(&a, row, at)), F(at)(&b, at, column));
            F(store)(to, sum);
        }
}

static void F(scale)(size_t m, size_t n, F(value) beta, REAL *c, ptrdiff_t row_stride, ptrdiff_t column_stride, int triangle) {
    if (F(is)(beta, 1)) return;
    for (size_t row = 0; row < m; row++)
        for (size_t column = triangle ? row : 0; column < n; column++) {
            REAL *to = c + ((ptrdiff_t)row * row_stride + (ptrdiff_t)column * column_stride) * PARTS;
            F(store)(to, F(is)(beta, 0) ? (F(value)){{0}} : F(scaled)(beta, F(load)(to, 0)));
        }
}

/* `c = alpha * a * b + beta * c`, or with `triangle` the part of it on and above the diagonal. */
static void F(multiply)(size_t m, size_t n, size_t k, F(value) alpha, F(matrix) a, F(matrix) b, F(value) beta, REAL *c,
                        ptrdiff_t row_stride, ptrdiff_t column_stride, int triangle) {
    F(scale)(m, n, beta, c, row_stride, column_stride, triangle);
    if (F(is)(alpha, 0) || k == 0) return;
    size_t rows = m < BLOCK_ROWS ? m : BLOCK_ROWS, depth = k < BLOCK_DEPTH ? k : BLOCK_DEPTH;
    size_t columns = n < BLOCK_COLUMNS ? n : BLOCK_COLUMNS;
    size_t size_a = (rows + ROWS) * depth * PARTS * PARTS, size_b = (columns + COLUMNS) * depth * PARTS;
    REAL *packed_a = NULL;
    if (m >= ROWS / 2 && n >= COLUMNS / 2 && (double)m * n * k >= SMALL) packed_a = malloc((size_a + size_b) * sizeof(REAL));
    if (!packed_a) {
        F(add_plain)(m, n, k, alpha, a, b, c, row_stride, column_stride, triangle);
        return;
    }
    REAL *packed_b = packed_a + size_a;
    for (size_t column = 0; column < n; column += BLOCK_COLUMNS) {
        size_t wide = n - column < BLOCK_COLUMNS ? n - column : BLOCK_COLUMNS;
        for (size_t from = 0; from < k; from += BLOCK_DEPTH) {
            size_t deep = k - from < BLOCK_DEPTH ? k - from : BLOCK_DEPTH;
            F(pack_columns)(&b, from, deep, column, wide, packed_b);
            for (size_t row = 0; row < m; row += BLOCK_ROWS) {
                size_t high = m - row < BLOCK_ROWS ? m - row : BLOCK_ROWS;
                if (triangle && row >= column + wide) break;
                F(pack_rows)(&a, row, high, from, deep, alpha, packed_a);
                REAL *corner = c + ((ptrdiff_t)row * row_stride + (ptrdiff_t)column * column_stride) * PARTS;
                F(add_block)(high, wide, deep, packed_a, packed_b, corner, row_stride, column_stride, triangle,
                             (ptrdiff_t)row - (ptrdiff_t)column);
            }
        }
    }
    free(packed_a);
}

void CBLAS(gemm)(enum CBLAS_ORDER order, enum CBLAS_TRANSPOSE trans_a, enum CBLAS_TRANSPOSE trans_b, int m, int n, int k, SCALAR alpha,
                 const ELEMENT *a, int lda, const ELEMENT *b, int ldb, SCALAR beta, ELEMENT *c, int ldc) {
    if (m <= 0 || n <= 0) return;
    int by_rows = order == CblasRowMajor;
    F(multiply)(m, n, k, VALUE(alpha), F(operand)(order, trans_a, a, lda), F(operand)(order, trans_b, b, ldb), VALUE(beta), c,
                by_rows ? ldc : 1, by_rows ? 1 : ldc, 0);
}

void CBLAS(syrk)(enum CBLAS_ORDER order, enum CBLAS_UPLO uplo, enum CBLAS_TRANSPOSE trans, int n, int k, SCALAR alpha, const ELEMENT *a,
                 int lda, SCALAR beta, ELEMENT *c, int ldc) {
    if (n <= 0) return;
    F(matrix) left = F(operand)(order, trans == CblasNoTrans ? CblasNoTrans : CblasTrans, a, lda);
    F(matrix) right = {left.data, left.column, left.row, 0};
    /* The product is symmetric: the lower triangle is the upper one of what is transposed. */
    int by_rows = (order == CblasRowMajor) == (uplo == CblasUpper);
    F(multiply)(n, n, k, VALUE(alpha), left, right, VALUE(beta), c, by_rows ? ldc : 1, by_rows ? 1 : ldc, 1);
}

void CBLAS(axpy)(int n, SCALAR alpha, const ELEMENT *x, int incx, ELEMENT *y, int incy) {
    if (n <= 0) return;
    const REAL *from = (const REAL *)x + F(first)(n, incx);
    REAL *to = (REAL *)y + F(first)(n, incy);
    F(value) factor = VALUE(alpha);
    for (int at = 0; at < n; at++, from += (ptrdiff_t)incx * PARTS, to += (ptrdiff_t)incy * PARTS)
        F(store)(to, F(add)(F(load)(to, 0), factor, F(load)(from, 0)));
}

static F(value) F(product)(int n, const REAL *x, ptrdiff_t incx, int conjugate, const REAL *y, ptrdiff_t incy) {
#if PARTS == 1
    if (incx == 1 && incy == 1) return (F(value)){{P(dot)(n, x, y)}};
#endif
    F(value) sum = {{0}};
    for (int at = 0; at < n; at++, x += incx * PARTS, y += incy * PARTS) sum = F(add)(sum, F(load)(x, conjugate), F(load)(y, 0));
    return sum;
}

void CBLAS(gemv)(enum CBLAS_ORDER order, enum CBLAS_TRANSPOSE trans, int m, int n, SCALAR alpha, const ELEMENT *a, int lda,
                 const ELEMENT *x, int incx, SCALAR beta, ELEMENT *y, int incy) {
    int rows = trans == CblasNoTrans ? m : n, columns = trans == CblasNoTrans ? n : m;
    if (rows <= 0) return;
    F(matrix) matrix = F(operand)(order, trans, a, lda);
    F(value) factor = VALUE(alpha);
    const REAL *from = (const REAL *)x + F(first)(columns, incx);
    REAL *to = (REAL *)y + F(first)(rows, incy);
    F(scale)(rows, 1, VALUE(beta), to, incy, 0, 0);
    if (F(is)(factor, 0)) return;
#if PARTS == 1
    /* Four columns at a time are added to `y`, where columns are contiguous. */
    if (matrix.row == 1 && incy == 1 && rows >= COLUMNS) {
        REAL *restrict sums = to;
        const REAL *restrict first = matrix.data;
        int column = 0;
        for (; column + 4 <= columns; column += 4, first += 4 * matrix.column) {
            const REAL *restrict second = first + matrix.column, *restrict third = second + matrix.column, *restrict fourth = third + matrix.column;
            REAL factors[4];
            for (int inner = 0; inner < 4; inner++) factors[inner] = factor.part[0] * from[(ptrdiff_t)(column + inner) * incx];
            for (int row = 0; row < rows; row++)
                sums[row] = (((sums[row] + factors[0] * first[row]) + factors[1] * second[row]) + factors[2] * third[row]) + factors[3] * fourth[row];
        }
        for (; column < columns; column++, first += matrix.column) {
            REAL last = factor.part[0] * from[(ptrdiff_t)column * incx];
            for (int row = 0; row < rows; row++) sums[row] += last * first[row];
        }
        return;
    }
#endif
    for (int row = 0; row < rows; row++, to += (ptrdiff_t)incy * PARTS) {
        F(value) sum = F(product)(columns, matrix.data + row * matrix.row * PARTS, matrix.column, matrix.conjugate, from, incx);
        sum = F(scaled)(factor, sum);
        for (int part = 0; part < PARTS; part++) to[part] += sum.part[part];
    }
}

#if PARTS == 1
/* As Fortran has it, for LAPACK. */
int FORTRAN(gemm)(const char *trans_a, const char *trans_b, const int *m, const int *n, const int *k, const REAL *alpha, const REAL *a,
                  const int *lda, const REAL *b, const int *ldb, const REAL *beta, REAL *c, const int *ldc) {
    int plain_a = *trans_a == 'N' || *trans_a == 'n', plain_b = *trans_b == 'N' || *trans_b == 'n';
    CBLAS(gemm)(CblasColMajor, plain_a ? CblasNoTrans : CblasTrans, plain_b ? CblasNoTrans : CblasTrans, *m, *n, *k, *alpha, a, *lda, b, *ldb,
                *beta, c, *ldc);
    return 0;
}

REAL CBLAS(dot)(int n, const REAL *x, int incx, const REAL *y, int incy) {
    return F(product)(n, x + F(first)(n, incx), incx, 0, y + F(first)(n, incy), incy).part[0];
}
#else
void CBLAS(dotu_sub)(int n, const void *x, int incx, const void *y, int incy, void *result) {
    F(store)(result, F(product)(n, (const REAL *)x + F(first)(n, incx), incx, 0, (const REAL *)y + F(first)(n, incy), incy));
}

void CBLAS(dotc_sub)(int n, const void *x, int incx, const void *y, int incy, void *result) {
    F(store)(result, F(product)(n, (const REAL *)x + F(first)(n, incx), incx, 1, (const REAL *)y + F(first)(n, incy), incy));
}
#endif

#undef BLOCK_ROWS
#undef BLOCK_DEPTH
#undef ELEMENT
#undef SCALAR
#undef VALUE
