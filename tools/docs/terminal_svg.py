"""A terminal session as an animated SVG: commands are typed, their output appears; no script and no font inside.

One timeline in seconds; each line is shown from its time on by a CSS animation, and the screen scrolls in steps. After
a pause the animation starts again. Where animation is not wanted (`prefers-reduced-motion`), the end is shown.
"""

from collections.abc import Sequence
from html import escape

COLUMNS, ROWS = 108, 30
CHAR_WIDTH, LINE_HEIGHT, FONT_SIZE, MARGIN = 7.8, 17, 13, 14
TYPING_S = 1.6  # a command
READING_S = 4.0  # after its output
LINE_S = 0.05
END_S = 5.0
COLOURS = {"background": "#14171c", "text": "#d5dae1", "prompt": "#7bc275", "command": "#ffffff"}


def animation(session: Sequence[tuple[str, str]], columns: int = COLUMNS, rows: int = ROWS) -> str:
    """Return the SVG of a session of (command, output)."""
    lines, now = [], 0.5
    for command, output in session:
        for i, part in enumerate(_wrapped("$ " + command, columns)):
            lines.append((now + i * LINE_S, part, "c" if i else "p"))
        now += TYPING_S
        for text in output.rstrip("\n").split("\n"):
            for part in _wrapped(text, columns):
                lines.append((now, part, "o"))
                now += LINE_S
        lines.append((now, "", "o"))
        now += READING_S
    return _svg(lines, now + END_S, columns, rows)


def _wrapped(text: str, columns: int) -> list[str]:
    parts = []
    while len(text) > columns:
        end = text.rfind(" ", columns // 2, columns) + 1 or columns
        parts.append(text[:end])
        text = text[end:]
    return [*parts, text]


def _svg(lines: list[tuple[float, str, str]], total_s: float, columns: int, rows: int) -> str:
    width, height = round(columns * CHAR_WIDTH + 2 * MARGIN), rows * LINE_HEIGHT + 2 * MARGIN
    rules, texts, scrolls = [], [], {0.0: 0}
    times = sorted({time_s for time_s, _, _ in lines})
    for i, time_s in enumerate(times):
        percent = 100 * time_s / total_s
        rules.append(f"@keyframes k{i}{{0%,{percent:.2f}%{{opacity:0}}{percent + 0.01:.2f}%,100%{{opacity:1}}}}")
        rules.append(f".t{i}{{animation:k{i} {total_s:.2f}s infinite}}")
    for number, (time_s, text, kind) in enumerate(lines):
        hidden = max(0, number + 1 - rows)
        if hidden > max(scrolls.values()):
            scrolls[time_s] = hidden
        if text:
            y = MARGIN + FONT_SIZE + number * LINE_HEIGHT
            body = escape(text, quote=False)
            if kind == "p":
                body = f'<tspan class="p">$</tspan><tspan class="c">{body[1:]}</tspan>'
            texts.append(f'<text class="t{times.index(time_s)} {kind}" x="{MARGIN}" y="{y}">{body}</text>')
    steps = "".join(
        f"{100 * time_s / total_s:.2f}%{{transform:translateY({-hidden * LINE_HEIGHT}px)}}"
        for time_s, hidden in sorted(scrolls.items())
    )
    end = -max(scrolls.values()) * LINE_HEIGHT
    still = f"#screen,text{{animation:none!important}}#screen{{transform:translateY({end}px)}}"
    colours = "".join(f".{name[0]}{{fill:{COLOURS[name]}}}" for name in ("prompt", "command"))
    return f"""<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" width="{width}" height="{height}">
<style>
text{{font:{FONT_SIZE}px ui-monospace,Menlo,Consolas,monospace;white-space:pre;fill:{COLOURS["text"]}}}
{colours}
#screen{{animation:scroll {total_s:.2f}s step-end infinite}}
@keyframes scroll{{{steps}100%{{transform:translateY({end}px)}}}}
{"".join(rules)}
@media (prefers-reduced-motion:reduce){{{still}}}
</style>
<rect width="{width}" height="{height}" rx="8" fill="{COLOURS["background"]}"/>
<clipPath id="window"><rect y="{MARGIN - 4}" width="{width}" height="{rows * LINE_HEIGHT + 8}"/></clipPath>
<g clip-path="url(#window)"><g id="screen">
{chr(10).join(texts)}
</g></g>
</svg>
"""
