# SPDX-License-Identifier: Apache-2.0
#
# `make prove`: models of the lock-free protocols and static analysis of the accounting (docs/assurance.md).
# PROVE_ARGS: --only spin|eva

.PHONY: prove
prove: $(O)/include/xen
	@sh tools/deps tools/packages.test $(if $(findstring spin,$(PROVE_ARGS)),,tools/packages.prove)
	@$(PYTHON) tests/proof/prove.py $(PROVE_ARGS)
