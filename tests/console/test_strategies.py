"""The strategy editor: what is wrong with which clause, what a request would meet, what differs; and who may."""

import json

import pytest
from django.contrib.admin.models import LogEntry
from django.urls import reverse

from apps.console import strategy_draft as drafts
from apps.console.strategy_help import EXAMPLES
from apps.strategies.definition import parse_definition
from apps.strategies.models import Strategy
from tests.console.conftest import allow, signed_in
from tests.console.test_policy import HOSTILE, parts_of


def draft(require=(), prefer=()):
    return drafts.of_lists(list(require), [when for when, _ in prefer], [weight for _, weight in prefer])


class TestDraft:
    def test_every_wrong_clause_is_told_and_the_others_remain(self):
        made = draft(["tools", "vission"], [("free", "3"), ("latency_ema < 800", "10"), ("free", "many")])

        definition = made.judge()

        assert made.problems == 3
        assert definition.raw == {"require": [{"when": "tools"}], "prefer": [{"when": "free", "weight": 3}]}
        wrong = made.prefer[1].problem
        assert (wrong.column, wrong.token, wrong.after) == (1, "latency_ema", " < 800")
        assert wrong.meant == "latency_ema_ms"
        assert "number" in made.prefer[2].problem.message and made.prefer[2].problem.column == 0

    def test_what_was_meant_takes_its_place(self):
        made = draft(prefer=[("free && latency_ema < 800", "10")])

        drafts.use(made, "prefer", 0)

        assert made.prefer[0].when == "free && latency_ema_ms < 800" and made.prefer[0].problem is None

    def test_empty_rows_are_none(self):
        made = draft(["", "tools"], [("  ", "x")])

        assert made.judge().raw == {"require": [{"when": "tools"}]} and made.problems == 0

    def test_rows_come_and_go(self):
        made = draft(["a", "b", "c"])

        drafts.drop(made, "require", 1)
        drafts.drop(made, "require", 9)
        drafts.add(made, "prefer")

        assert [(clause.at, clause.when) for clause in made.require] == [(0, "a"), (1, "c")]
        assert [clause.name for clause in made.prefer] == ["p0"]

    def test_there_are_never_more_rows_than_may_be_saved(self):
        made = draft(["free"] * 40)

        for _ in range(40):
            drafts.add(made, "prefer")

        assert (len(made.require), len(made.prefer)) == (32, 32)

    @pytest.mark.parametrize(("typed", "held"), [("10", 10), ("0.25", 0.25), ("-2,5", -2.5), ("−20", -20.0)])
    def test_weights_are_numbers_as_people_type_them(self, typed, held):
        made = draft(prefer=[("free", typed)])

        assert made.judge().raw["prefer"][0]["weight"] == held

    @pytest.mark.parametrize("typed", ["", "nan", "inf", "1e999", "x", "1" * 400])
    def test_what_is_no_number_is_said_to_be_none(self, typed):
        made = draft(prefer=[("free", typed)])
        made.judge()

        assert made.problems == 1

    def test_a_definition_survives_its_rows(self):
        raw = {"require": [{"when": "tools"}], "prefer": [{"when": "free", "weight": 0.25}]}

        assert drafts.of_definition(raw).judge().raw == raw
        assert json.loads(drafts.pretty(raw)) == raw

    @pytest.mark.parametrize("stored", [{"require": 3}, {"prefer": [3, None]}, {"prefer": [{}]}, {}])
    def test_what_is_no_definition_is_shown_all_the_same(self, stored):
        drafts.of_definition(stored).judge()

    @pytest.mark.parametrize(
        "text", ["{", "[]", "3", '{"other": []}', '{"require": 3}', '{"prefer": [3]}', "[" * 50_000]
    )
    def test_json_that_is_no_definition_is_refused(self, text):
        with pytest.raises(ValueError, match=r"JSON|definition|list|longer"):
            drafts.of_json(text)

    def test_a_comparison_has_a_line_a_clause(self):
        lines = drafts.compare({"require": [{"when": "a"}]}, {"require": [{"when": "a"}, {"when": "b"}]})

        assert [line.text.strip() for line in lines if line.sign == "+"][-1] == '{"when": "b"}'
        assert drafts.compare({}, {}) == []

    def test_the_examples_are_of_the_language(self):
        for code, _ in EXAMPLES:
            parse_definition({"prefer": [{"when": code, "weight": 1}]})


def form(**fields):
    plain = {
        "act": "save",
        "name": "mine",
        "description": "",
        "require_when": ["tools || !request.has_tools"],
        "prefer_when": ["free"],
        "prefer_weight": ["5"],
    }
    return plain | fields


def change(row):
    return reverse("admin:strategies_strategy_change", args=[row.pk])


@pytest.fixture
def mine(db):
    return Strategy.objects.create(name="mine", definition={"prefer": [{"when": "free", "weight": 1}]})


@pytest.fixture
def built_in(serving):
    return Strategy.objects.get(name="coding")


class TestEditor:
    def test_it_is_the_page_of_the_list(self, root, mine):
        assert b"strategy.js" in signed_in(root).get(f"/admin/strategies/strategy/{mine.pk}/change/").content

    def test_what_is_saved_is_in_the_history(self, root, mine, serving):
        answer = signed_in(root).post(change(mine), form())

        mine.refresh_from_db()
        assert answer.status_code == 302
        assert mine.definition["prefer"] == [{"when": "free", "weight": 5}]
        assert LogEntry.objects.filter(object_id=str(mine.pk)).exists()

    def test_a_wrong_clause_saves_nothing_and_is_told_at_its_place(self, root, mine, serving):
        page = signed_in(root).post(change(mine), form(prefer_when=["latency_ema < 800"]))

        mine.refresh_from_db()
        text = page.content.decode()
        assert mine.definition["prefer"][0]["weight"] == 1
        assert '<span class="squig">latency_ema</span>' in text and "Use latency_ema_ms" in text
        assert "data-save" in text and 'disabled title="A clause has an error"' in text

    def test_the_preview_counts_for_how_many_a_clause_holds(self, root, mine, serving):
        page = signed_in(root).post(
            change(mine),
            form(act="preview", require_when=["true"], prefer_when=["!true"]),
            headers={"X-Part": "1"},
        )

        text = page.content.decode()
        assert "1 of 1 pass" in text and "holds for 0" in text and "The only candidate is" in text
        assert "<html" not in text

    def test_acts_work_without_a_script(self, root, mine, serving):
        browser = signed_in(root)

        added = browser.post(change(mine), form(act="add:prefer")).content.decode()
        dropped = browser.post(change(mine), form(act="drop:require:0")).content.decode()
        used = browser.post(change(mine), form(act="use:prefer:0", prefer_when=["fre"])).content.decode()
        taken = browser.post(change(mine), form(act="json", json='{"require": [{"when": "vision"}]}')).content

        assert 'id="when-p1"' in added
        assert 'id="when-r0"' not in dropped
        assert ">free</textarea>" in used
        assert b">vision</textarea>" in taken
        mine.refresh_from_db()
        assert mine.definition == {"prefer": [{"when": "free", "weight": 1}]}

    def test_json_that_is_none_is_told(self, root, mine, serving):
        page = signed_in(root).post(change(mine), form(act="json", json="{"))

        assert b"That is no JSON" in page.content

    def test_a_new_one_can_be_a_copy(self, root, mine, serving):
        browser = signed_in(root)
        page = browser.get(f"{reverse('admin:strategies_strategy_add')}?from={mine.pk}")
        answer = browser.post(reverse("admin:strategies_strategy_add"), form(name="other"))

        assert b'value="mine-copy"' in page.content
        assert answer.status_code == 302 and Strategy.objects.filter(name="other").exists()

    @pytest.mark.parametrize("name", ["fast", "no spaces", "", "mine"])
    def test_a_name_that_cannot_be_is_told_at_the_name(self, root, mine, serving, name):
        page = signed_in(root).post(reverse("admin:strategies_strategy_add"), form(name=name))

        assert page.status_code == 200 and b'id="id_name_error"' in page.content

    def test_a_built_in_keeps_its_name_and_goes_back(self, root, built_in):
        browser = signed_in(root)
        browser.post(change(built_in), form(name="other"))
        built_in.refresh_from_db()
        assert (built_in.name, built_in.definition == built_in.shipped) == ("coding", False)

        asked = browser.get(reverse("admin:strategy_reset", args=[built_in.pk]))
        browser.post(reverse("admin:strategy_reset", args=[built_in.pk]))

        built_in.refresh_from_db()
        assert b"to its shipped form?" in asked.content
        assert built_in.definition == built_in.shipped

    def test_who_may_only_view_sees_a_form_without_acts(self, staff, mine, serving):
        allow(staff, "view_strategy")
        browser = signed_in(staff)

        page = browser.get(change(mine)).content.decode()

        assert "readonly" in page and "data-save" not in page and "Remove clause" not in page
        assert browser.post(change(mine), form()).status_code == 403
        assert browser.get(reverse("admin:strategy_reset", args=[mine.pk])).status_code == 403

    def test_others_do_not_reach_it(self, alice, mine):
        for path in (change(mine), reverse("admin:strategy_reset", args=[mine.pk])):
            assert signed_in(alice).get(path).status_code == 403

    def test_hostile_texts_are_text(self, root, mine, serving):
        fields = {"require_when": [HOSTILE], "description": HOSTILE, "sample": HOSTILE, "name": HOSTILE}
        for act in ("preview", "save", "json"):
            page = signed_in(root).post(change(mine), form(act=act, json=HOSTILE, **fields))

            assert b"<script>alert" not in page.content and parts_of(page) == []

    def test_a_number_in_the_address_may_be_anything(self, root, db):
        browser = signed_in(root)
        assert browser.get("/admin/strategies/strategy/999999/change/").status_code == 404
        assert browser.get("/admin/strategies/strategy/add/?from=999999999999999999").status_code == 200
