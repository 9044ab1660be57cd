"""Questions to answers: verbatim spans of briefs, with their citations."""

from index.errors import BriefQAError
from index.types import Brief, Filters
from qa.assistant import Assistant
from qa.types import Answer, Citation, Reply

__all__ = ["Answer", "Assistant", "Brief", "BriefQAError", "Citation", "Filters", "Reply"]
