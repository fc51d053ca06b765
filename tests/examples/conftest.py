from tiny import installed, tiny_weights

__all__ = ["installed", "tiny_weights"]
