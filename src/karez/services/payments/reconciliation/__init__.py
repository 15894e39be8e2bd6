"""Holding what Karez expects on its bank accounts against what the banks say has happened there."""
