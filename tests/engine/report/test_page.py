"""The report: everything is told, nothing in a name can act, nothing is asked for from outside."""

import math
import re
from html.parser import HTMLParser

import numpy as np
import polars as pl
import pytest

from maskwright.engine.agreement.groups import MOST_VALUES
from maskwright.engine.agreement.summary import summarise
from maskwright.engine.metrics.table import METRICS
from maskwright.engine.report.chart import MOST_DOTS, ChartRow, draw_chart
from maskwright.engine.report.page import ReportContent, WorstCase, render_report
from maskwright.engine.report.picture import draw_disagreement

INF, NAN = math.inf, math.nan
EVIL = "<script>alert(1)</script>\"'><img src=x onerror=alert(2)>"
COLUMNS = ["dice", "nsd", "hd95", "volume_difference_ml"]


class Reader(HTMLParser):
    """Collects the tags, attributes and visible text of a page."""

    def __init__(self) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.attributes: list[tuple[str, str | None]] = []
        self.text = ""

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.attributes.extend(attrs)

    def handle_data(self, data: str) -> None:
        self.text += data + " "


def read(page: str) -> Reader:
    reader = Reader()
    reader.feed(page)
    return reader


def results(case: str = "a", site: str = "Oslo", name: str = "liver", reason: str = "truncated") -> pl.DataFrame:
    rows = [
        (case, "p1", site, 1, name, "present", None, 10, 12, 0.5, 0.75, 3.25, 0.002),
        ("b", "p2", "Bergen", 1, name, "prediction_empty", None, 10, 0, 0.0, 0.0, INF, -0.01),
        ("c", "p3", "Bergen", 1, name, "absent", None, 0, 0, NAN, NAN, NAN, 0.0),
        ("d", "p4", "Bergen", None, None, "failed", reason, None, None, None, None, None, None),
    ]
    names = ["case", "patient", "site", "label", "label_name", "status", "reason", "reference_voxels"]
    return pl.DataFrame(rows, schema=[*names, "prediction_voxels", *COLUMNS], orient="row")


def page(table: pl.DataFrame, title: str = "Agreement", run: tuple[tuple[str, str], ...] = ()) -> str:
    mask = np.zeros((4, 12, 12), bool)
    mask[1:3, 3:8, 3:8] = True
    picture = draw_disagreement(mask, np.zeros_like(mask), (2.0, 1.0, 1.0), image=np.ones(mask.shape))
    worst = [WorstCase(row, picture) for row in table.filter(pl.col("dice") < 1).iter_rows(named=True)]
    worst.append(WorstCase(worst[0].row, None))
    content = ReportContent(
        title=title,
        results=table,
        metric_columns=COLUMNS,
        metadata_columns=["site"],
        summary=summarise(table, COLUMNS),
        worst=worst,
        tolerance_mm=1.5,
        penalty=False,
        run=run,
    )
    return render_report(content)


def test_the_page_shows_counts_headlines_reasons_and_definitions() -> None:
    text = " ".join(read(page(results(), run=(("Convention", "metrics-reloaded"),))).text.split())
    for said in (
        "4 cases of 4 patients",
        "1 case failed",
        "1 found by one side only",
        "1 with infinite distance",
        "1 absent on both sides",
        "Surface Dice at 1.5 mm",
        "1 × ∞",
        "truncated",
        "By site",
        "Convention metrics-reloaded",
        "percentile bootstrap, 2000 resamples",
        METRICS["hd95"].definition,
        "no picture",
    ):
        assert said in text


@pytest.mark.parametrize("field", ["case", "site", "name", "reason", "title", "run"])
def test_a_name_cannot_act(field: str) -> None:
    if field == "title":
        html = page(results(), title=EVIL)
    elif field == "run":
        html = page(results(), run=((EVIL, EVIL),))
    else:
        html = page(results(**{field: EVIL}))
    found = read(html)
    assert "script" not in found.tags
    assert "img" not in found.tags
    assert not [name for name, _ in found.attributes if name.startswith("on")]
    assert EVIL in found.text or EVIL in [value for _, value in found.attributes]


def test_the_page_asks_for_nothing_from_outside() -> None:
    html = page(results())
    found = read(html)
    asking = [value for name, value in found.attributes if name in ("src", "href", "xlink:href", "action", "data")]
    assert asking
    assert all(value and value.startswith(("#", "data:image/png;base64,")) for value in asking)
    assert "link" not in found.tags
    assert "@import" not in html
    assert "url(" not in html
    assert ("content", "default-src 'none'; style-src 'unsafe-inline'; img-src data:") in found.attributes


def test_tables_have_captions_and_pictures_have_words() -> None:
    html = page(results())
    found = read(html)
    assert found.tags.count("table") == found.tags.count("caption") > 0
    drawings = [tag for tag in re.findall(r"<svg[^>]*>", html) if 'role="img"' not in tag]
    assert all('aria-hidden="true"' in tag for tag in drawings)
    assert html.count('class="stage" role="img" aria-label=') == 2


def test_a_table_without_any_measured_label_still_gives_a_page() -> None:
    only_failed = results().filter(status="failed")
    content = ReportContent("t", only_failed, COLUMNS, ["site"], summarise(only_failed, COLUMNS), [], 2.0, False, [])
    text = read(render_report(content)).text
    assert "No label was measured" in text
    assert "truncated" in text


def test_a_column_with_too_many_values_is_named_but_not_split() -> None:
    rows = [results(case=f"case {number}", site=f"site {number}").head(1) for number in range(MOST_VALUES + 1)]
    text = " ".join(read(page(pl.concat(rows))).text.split())
    assert f"site: {MOST_VALUES + 1} different values, too many to compare" in text
    assert "By site" not in text


def dots(svg: str) -> int:
    return svg.count("<circle")


def test_a_chart_has_a_dot_a_case_up_to_a_limit_and_counts_infinities() -> None:
    few = draw_chart("hd95", "HD95", [ChartRow("x", np.array([1.0, 2.0, INF, INF]))])
    assert dots(few) == 2
    assert "2 × ∞" in few
    many = draw_chart("hd95", "HD95", [ChartRow("x", np.random.default_rng(0).random(5000))])
    assert dots(many) == MOST_DOTS
    hundred = draw_chart("hd95", "HD95", [ChartRow("x", np.arange(1000.0)) for _ in range(100)])
    assert dots(hundred) == 3000


@pytest.mark.parametrize("column", list(METRICS))
@pytest.mark.parametrize("values", [[], [0.0], [INF], [0.3, 0.3], [0.0, 1.0], [1e-9, 0.5, INF], [123456.0, 7.0]])
def test_every_metric_can_be_charted(column: str, values: list[float]) -> None:
    if METRICS[column].highest == 1:
        values = [min(value, 1.0) for value in values]
    svg = draw_chart(column, "title", [ChartRow("a", np.array(values)), ChartRow("b", np.array(values))])
    places = [float(number) for number in re.findall(r'(?:cx|x)="([-\d.]+)"', svg)]
    assert all(0 <= place <= 540 for place in places)
    assert "nan" not in svg
    assert "inf" not in re.sub(r'class="infinite"', "", svg)
