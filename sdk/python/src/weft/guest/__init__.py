"""Inside of the sandbox: what makes a Python program a component of Weft's contract.

Nothing outside of this folder imports it, and only here is anything said of
WebAssembly. `prepare` runs once, while the component is built, and what it
leaves in memory is what each attempt starts from.
"""
