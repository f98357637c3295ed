"""Models, and what is raised when a document is not one."""

from serai.model import ElementIsNotAList, ElementMissing, Model, ModelCtx, ModelValidationError

__all__ = ["ElementIsNotAList", "ElementMissing", "Model", "ModelCtx", "ModelValidationError"]
