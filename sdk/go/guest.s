//go:build wasip1

// Empty: it lets the compiler take the functions of this package that have no body.
