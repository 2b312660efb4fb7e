"""The web process: pages, the widget's script and the API."""
