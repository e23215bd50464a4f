"""Tests of the model: enumeration, arithmetic on paper, identities, golden rows, audited plans."""
