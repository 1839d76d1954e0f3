"""How Sphinx builds the site: `nox -s docs`. It needs no network, and a warning is an error."""

from __future__ import annotations

import sys
from pathlib import Path

HERE = Path(__file__).parent
sys.path.insert(0, str(HERE))

import taskinity_nb  # noqa: E402

project = "taskinity_nb"
author = "the contributors of taskinity_nb"
copyright = author
release = version = taskinity_nb.__version__

extensions = [
    "myst_nb",
    "numpydoc",
    "pages",
    "sphinx.ext.autodoc",
    "sphinx.ext.autosummary",
    "sphinx_design",
]
exclude_patterns = ["_build", "jupyter_execute", "**/.ipynb_checkpoints"]
templates_path = ["_templates"]

myst_enable_extensions = ["colon_fence", "deflist"]
myst_heading_anchors = 3
nb_execution_mode = "force"
nb_execution_excludepatterns = ["tutorials/*"]  # these are committed with what they have shown
nb_execution_raise_on_error = True
nb_execution_timeout = 120
nb_mime_priority_overrides = [
    ("html", "image/svg+xml", 0),  # the graph that stays; a widget would need a kernel
    ("html", "application/vnd.jupyter.widget-view+json", None),
]

autosummary_generate = True
autodoc_typehints = "none"  # the docstrings say them
numpydoc_show_class_members = False
numpydoc_xref_param_type = False

html_theme = "pydata_sphinx_theme"
html_title = "taskinity_nb"
html_static_path = ["_static"]
html_css_files = ["site.css"]
html_favicon = "_static/favicon.svg"
html_context = {"default_mode": "auto"}
html_theme_options = {
    "show_prev_next": True,
    "navigation_with_keys": False,
    "secondary_sidebar_items": ["page-toc"],
    "footer_start": ["copyright"],
    "footer_end": [],
    "show_toc_level": 2,
    "header_links_before_dropdown": 7,
    "navbar_persistent": ["search-button"],
}
ALONE = ("index", "start", "language", "coming_from", "gallery")
html_sidebars: dict[str, list[str]] = {page: [] for page in ALONE}
html_copy_source = False
html_show_sourcelink = False
