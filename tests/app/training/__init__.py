"""Tests of training: store, server, standards."""
