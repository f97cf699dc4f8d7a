"""bisect-run: name the commit that turned an LLM-serving engine's tests red."""

__version__ = "0.1.0"
