"""What a person sees whose launch opens nothing: words and one thing to do."""

from __future__ import annotations

import html

_PAGE = """<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>Sightline: not opened</title>
<style>
body {{ margin: 0; min-height: 100vh; display: grid; place-items: center; background: #101418; color: #e6eaee;
  font: 1.05rem/1.5 system-ui, sans-serif; }}
main {{ max-width: 34rem; padding: 2rem; }}
h1 {{ font-size: 1.4rem; margin: 0 0 1rem; }}
.why {{ border-left: 3px solid #d8a33c; padding: 0.2rem 0 0.2rem 1rem; color: #c4ccd4; overflow-wrap: anywhere; }}
</style>
</head>
<body>
<main>
<h1>The link did not open</h1>
<p>Go back to your course and follow it again. If that does not help, show these words to whoever runs the course:</p>
<p class="why">{why}.</p>
</main>
</body>
</html>
"""


def not_opened(why: str) -> str:
    """The page, with the reason."""
    return _PAGE.format(why=html.escape(why[:1].upper() + why[1:]))
