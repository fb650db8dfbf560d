//! WASI programs as tasks: command components (0.2) and plain modules (0.1).
