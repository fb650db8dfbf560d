"""Builds Weft's native Python packages: wheels of C, C++ and Rust for the CPython inside of a component.

`cargo xtask native` runs it. The toolchain is in `toolchain.toml`, and each
package has a recipe in `recipes/`.
"""
