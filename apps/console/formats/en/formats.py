"""Dates as Django's own pages print them: in a form that the templates find again, and the browser prints in the viewer's zone."""

DATETIME_FORMAT = r"Y-m-d\TH:i:s\Z"
DATE_FORMAT = "Y-m-d"
