"""The stack on one machine: real processes, for `make up` and for the tests' private one."""
