"""The REST API of Karez: JSON over HTTP for institutions, people, shops and the operator."""
