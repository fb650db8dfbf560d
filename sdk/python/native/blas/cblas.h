/* The functions of CBLAS that NumPy calls. */
#ifndef WEFT_CBLAS_H
#define WEFT_CBLAS_H

enum CBLAS_ORDER { CblasRowMajor = 101, CblasColMajor = 102 };
enum CBLAS_TRANSPOSE { CblasNoTrans = 111, CblasTrans = 112, CblasConjTrans = 113 };
enum CBLAS_UPLO { CblasUpper = 121, CblasLower = 122 };

/* `SCALAR` is `double` where alpha and beta are values, and `const void *` where they are pointers to complex numbers. */
#define WEFT_CBLAS(PREFIX, SCALAR, ELEMENT)                                                                                            \
    void cblas_##PREFIX##axpy(int n, SCALAR alpha, const ELEMENT *x, int incx, ELEMENT *y, int incy);                                  \
    void cblas_##PREFIX##gemv(enum CBLAS_ORDER order, enum CBLAS_TRANSPOSE trans, int m, int n, SCALAR alpha, const ELEMENT *a,        \
                              int lda, const ELEMENT *x, int incx, SCALAR beta, ELEMENT *y, int incy);                                 \
    void cblas_##PREFIX##gemm(enum CBLAS_ORDER order, enum CBLAS_TRANSPOSE trans_a, enum CBLAS_TRANSPOSE trans_b, int m, int n, int k, \
                              SCALAR alpha, const ELEMENT *a, int lda, const ELEMENT *b, int ldb, SCALAR beta, ELEMENT *c, int ldc);   \
    void cblas_##PREFIX##syrk(enum CBLAS_ORDER order, enum CBLAS_UPLO uplo, enum CBLAS_TRANSPOSE trans, int n, int k, SCALAR alpha,    \
                              const ELEMENT *a, int lda, SCALAR beta, ELEMENT *c, int ldc);

WEFT_CBLAS(s, float, float)
WEFT_CBLAS(d, double, double)
WEFT_CBLAS(c, const void *, void)
WEFT_CBLAS(z, const void *, void)
#undef WEFT_CBLAS

int sgemm_(const char *trans_a, const char *trans_b, const int *m, const int *n, const int *k, const float *alpha, const float *a,
           const int *lda, const float *b, const int *ldb, const float *beta, float *c, const int *ldc);
int dgemm_(const char *trans_a, const char *trans_b, const int *m, const int *n, const int *k, const double *alpha, const double *a,
           const int *lda, const double *b, const int *ldb, const double *beta, double *c, const int *ldc);

float cblas_sdot(int n, const float *x, int incx, const float *y, int incy);
double cblas_ddot(int n, const double *x, int incx, const double *y, int incy);
void cblas_cdotu_sub(int n, const void *x, int incx, const void *y, int incy, void *result);
void cblas_zdotu_sub(int n, const void *x, int incx, const void *y, int incy, void *result);
void cblas_cdotc_sub(int n, const void *x, int incx, const void *y, int incy, void *result);
void cblas_zdotc_sub(int n, const void *x, int incx, const void *y, int incy, void *result);

#endif
