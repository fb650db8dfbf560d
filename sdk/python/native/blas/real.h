/* What the real and the complex functions of one precision share: included once with `REAL` and `P(name)` defined. */

#define WIDTH ((int)(16 / sizeof(REAL)))
/* Columns of a tile: two vectors. With four rows, the tile and its operands fit 16 registers. */
#define COLUMNS (2 * WIDTH)

typedef REAL P(vector) __attribute__((vector_size(16), aligned(16)));
/* At any address of an element, and of any type. */
typedef REAL P(loose) __attribute__((vector_size(16), aligned(sizeof(REAL)), may_alias));

#define SPLAT(value) ((value) - (P(vector)){0})

/* Adds to a tile, whose rows are `stride` elements apart, the product of a panel of `ROWS` rows and one of `COLUMNS` columns. Each element is
 * summed in the order of `depth`, as a plain loop does: results depend neither on the blocks nor on the size of the matrix. */
static void P(add_tile)(size_t depth, const REAL *a, const REAL *b, REAL *tile, ptrdiff_t stride) {
    P(vector) sums[ROWS][2];
    for (int row = 0; row < ROWS; row++)
        for (int half = 0; half < 2; half++) sums[row][half] = *(const P(loose) *)(tile + row * stride + half * WIDTH);
#pragma clang loop unroll_count(4)
    for (size_t at = 0; at < depth; at++) {
        P(vector) left = *(const P(loose) *)b, right = *(const P(loose) *)(b + WIDTH);
#pragma clang loop unroll(full)
        for (int row = 0; row < ROWS; row++) {
            P(vector) factor = SPLAT(a[row]);
            sums[row][0] += factor * left;
            sums[row][1] += factor * right;
        }
        a += ROWS;
        b += COLUMNS;
    }
    for (int row = 0; row < ROWS; row++)
        for (int half = 0; half < 2; half++) *(P(loose) *)(tile + row * stride + half * WIDTH) = sums[row][half];
}

/* The sum of products of contiguous vectors, in eight or sixteen partial sums. */
static REAL P(dot)(size_t n, const REAL *x, const REAL *y) {
    P(vector) sums[4] = {{0}};
    size_t at = 0;
    for (; at + 4 * WIDTH <= n; at += 4 * WIDTH)
#pragma clang loop unroll(full)
        for (int part = 0; part < 4; part++)
            sums[part] += *(const P(loose) *)(x + at + part * WIDTH) * *(const P(loose) *)(y + at + part * WIDTH);
    P(vector) together = (sums[0] + sums[1]) + (sums[2] + sums[3]);
    REAL sum = 0;
    for (int element = 0; element < WIDTH; element++) sum += together[element];
    for (; at < n; at++) sum += x[at] * y[at];
    return sum;
}
