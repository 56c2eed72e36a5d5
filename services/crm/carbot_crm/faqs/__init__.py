"""Questions that a workshop answers for all: shown by the widget, known to the responder."""
