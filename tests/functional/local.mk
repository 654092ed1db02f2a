# tests/functional
