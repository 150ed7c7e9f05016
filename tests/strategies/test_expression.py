"""What expressions mean: values, unknown values, types, and the errors of those that are refused."""

import pytest

from apps.strategies.expression import (
    FIELDS,
    UNKNOWN,
    CandidateFacts,
    ExpressionError,
    RequestFacts,
    Source,
    compile_expression,
)

CANDIDATE = CandidateFacts(
    name="groq", model="llama-3.3-70b", tags=("fast", "cheap"), weight=1.0, context_window=131072,
    requests_today=10, rpm_remaining=0.5, in_flight=0, free=True, vision=False, tools=True,
)  # fmt: skip
REQUEST = RequestFacts(prompt_tokens=1000, max_tokens=500, has_images=False, intent="chat", language="es")


def evaluate(source, candidate=CANDIDATE, request=REQUEST):
    return compile_expression(source).evaluate(candidate, request)


def refusal(source):
    with pytest.raises(ExpressionError) as caught:
        compile_expression(source)
    return caught.value


@pytest.mark.parametrize(
    ("source", "value"),
    [
        ("rpm_remaining < 1", True),
        ("context_window >= request.prompt_tokens + request.max_tokens", True),
        ('"fast" in tags && !("slow" in tags)', True),
        ('name in ["groq", "mistral"]', True),
        ('model.startsWith("llama") && model.endsWith("70b") && model.contains("3.3")', True),
        ("request.has_images ? vision : tools", True),
        ("request.has_images ? tools : vision", False),
        ("tags == ['fast', 'cheap'] && tags != []", True),
        ("-7 / 2 == -3 && -7 % 2 == -1 && 7 % -2 == 1", True),
        ("1 + 2 * 3 - 4 / 2 == 5", True),
        ("10 - 3 - 2 == 5", True),
        ("false && true || true", True),
        ("false ? false : true ? true : false", True),
        ("1 < 2 == true", True),
        ("-9223372036854775808 < 0", True),
        ("0x1F == 31 && 1.5e2 == 150.0 && .5 == 0.5", True),
        ("9007199254740993 > 9007199254740992.0", True),
        (r"'\x41\u00e9\U0001F600\101\n' == 'Aé😀A' + '\n'", True),
        (r"r'\d' == '\\d'", True),
        ("'''it's''' == \"it's\"", True),
        ("'a' < 'b' && 'Z' < 'a' && 'z' < 'é'", True),
        ("false < true", True),
        ("1.0 / 0.0 > 1e308 && 0.0 / 0.0 != 0.0 / 0.0", True),
        ("true // a comment\n && free", True),
    ],
)
def test_computes_what_cel_computes(source, value):
    assert evaluate(source) is value


@pytest.mark.parametrize(
    "source",
    [
        "latency_ema_ms < 500",
        "latency_ema_ms != latency_ema_ms",
        "!(latency_ema_ms < 500)",
        "latency_ema_ms < 500 && free",
        "latency_ema_ms < 500 || vision",
        "latency_ema_ms < 500 ? true : true",
        "latency_ema_ms in [1.0, 2.0]",
        "1.0 in [1.0, latency_ema_ms]",
        "latency_ema_ms + 1.0 > 0",
        "-latency_ema_ms < 0",
        "1 / in_flight > 0",
        "1 % 0 == 0",
        "free && 1 / 0 == 1",
        "vision || 1 / 0 == 1",
        "9223372036854775807 + requests_today > 0",
        "-9223372036854775808 / -1 > 0",
        "-9223372036854775808 % -1 == 0",
        "--9223372036854775808 > 0",
    ],
)
def test_is_unknown_where_cel_has_an_error_or_a_value_is_missing(source):
    assert evaluate(source) is UNKNOWN


@pytest.mark.parametrize(
    ("source", "value"),
    [
        ("latency_ema_ms < 500 && false", False),
        ("false && latency_ema_ms < 500", False),
        ("latency_ema_ms < 500 && vision", False),
        ("latency_ema_ms < 500 || free", True),
        ("true || 1 / 0 == 0", True),
        ("1 / in_flight > 0 || success_rate > 0.5 || free", True),
        ("free ? tools : latency_ema_ms < 500", True),
    ],
)
def test_an_unknown_operand_is_absorbed_where_the_other_decides(source, value):
    assert evaluate(source) is value


def test_all_unknown_facts_make_every_field_unknown():
    for field in FIELDS.values():
        compiled = compile_expression(f"{field.name} == {field.name}")

        assert compiled.evaluate(CandidateFacts(), RequestFacts()) is UNKNOWN, field.name


def test_schema_and_structs_hold_the_same_fields():
    of_candidate = [field.attribute for field in FIELDS.values() if not field.of_request]
    of_request = [field.attribute for field in FIELDS.values() if field.of_request]

    assert tuple(of_candidate) == CandidateFacts.__struct_fields__
    assert tuple(of_request) == RequestFacts.__struct_fields__


def test_every_measured_field_can_be_missing():
    assert all(field.may_be_missing for field in FIELDS.values() if field.source is Source.MEASURED)


def test_compiled_names_the_fields_that_it_reads():
    compiled = compile_expression('request.stream && "fast" in tags || weight > 1.0 || weight < 0.5')

    assert [field.name for field in compiled.fields] == ["tags", "weight", "request.stream"]


@pytest.mark.parametrize(
    ("source", "position", "message"),
    [
        ("latncy_ema_ms < 500", 0, "there is no field latncy_ema_ms. Did you mean latency_ema_ms?"),
        (
            "free && request.has_image",
            8,
            "there is no field request.has_image. Did you mean request.has_images?",
        ),
        ("xyzzy", 0, "there is no field xyzzy."),
        ("latency_ema_ms", 0, "a condition must be a bool, and this is a double"),
        ("weight + 1.0", 0, "a condition must be a bool, and this is a double"),
        ("price_input * 2 < 1.0", 12, "double * int is not defined; write 2.0"),
        ("weight * in_flight > 1.0", 7, "arithmetic does not mix int and double"),
        ("name + 1 == 'a'", 5, "string + int is not defined"),
        ("weight % 2.0 == 0.0", 7, "double % double is not defined"),
        ("name == 1", 5, "string == int is not defined"),
        ("tags < tags", 5, "list<string> < list<string> is not defined"),
        ("1 in tags", 2, "int in list<string> is not defined"),
        ("'a' in name", 4, "string in string is not defined"),
        ("free && weight", 8, "both sides of && must be bool, and this is a double"),
        ("free || weight + 1.0 || true", 8, "both sides of || must be bool"),
        ("weight ? free : free", 0, "what stands before ? must be a bool"),
        ("(free ? 1 : 2.0) > 1", 12, "must have one type, found int and double; write 1.0"),
        ("!weight", 0, "! is not defined on a double"),
        ("-name == 'a'", 0, "- is not defined on a string"),
        ("weight in [1, 2.5]", 14, "found a double in a list that began with an int"),
        ("weight in [2.5, 1]", 16, "found an int in a list that began with a double; write 1.0"),
        ("name in [[1]]", 9, "a list cannot hold a list<int>"),
        ("tags.contains('a')", 5, "contains is not defined on a list; write value in list"),
        ("weight.contains('a')", 0, "contains is a method of strings, and this is a double"),
        ("name.contains(1)", 14, "contains takes a string, and this is an int"),
        ("name.matches('a')", 5, "matches is not a method or member here"),
        ("size(tags) > 1", 0, "there is no function size"),
        ("tags[0] == 'a'", 4, "lists are not indexed; use in"),
        ("request", 7, "found the end of the expression, expected ."),
        ("request.1", 7, "found .1, expected ."),
        ("request.'a'", 8, "found 'a', expected one of prompt_tokens"),
        ("", 0, "found the end of the expression"),
        ("weight <", 8, "found the end of the expression"),
        ("(free", 5, "found the end of the expression, expected )"),
        ("free)", 4, "found ), expected one of"),
        ("free free", 5, "found free, expected one of"),
        ("name in ['a' 'b']", 13, "found 'b', expected one of ,, ]"),
        ("free ? free", 11, "expected :"),
        ("weight = 1.0", 7, "found =; write =="),
        ("free and tools", 5, "found and; write &&"),
        ("free & tools", 5, "found &; write &&"),
        ("weight <> 1.0", 7, "found <>; write !="),
        ("weight == null", 10, "null is a reserved word"),
        ("requests_today == 1u", 19, "unsigned integers are not part of the language"),
        ("requests_today == 1x", 19, "x does not belong to the number 1"),
        ("b'a' == 'a'", 0, "bytes are not part of the language"),
        ("weight < 1e999", 9, "1e999 is outside the range of double"),
        ("in_flight < 9223372036854775808", 12, "9223372036854775808 is outside the range of int"),
        ("name == 'gr", 8, "the string that starts here is not closed by '"),
        ("name == 'a\nb'", 8, "the string that starts here is not closed by '"),
        (r"name == 'a\q'", 10, r"\q is not an escape sequence"),
        (r"name == '\ud800'", 9, r"\ud800 is not a Unicode character"),
        (r"name == '\U00110000'", 9, r"\U00110000 is not a Unicode character"),
        ("name == '\x00'", 9, "U+0000 cannot be stored as text"),
        ("free @ tools", 5, "unexpected character '@'"),
    ],
)
def test_errors_say_where_and_what(source, position, message):
    error = refusal(source)

    assert (error.position, message in error.message) == (position, True), error.message


def test_errors_list_what_is_allowed():
    assert refusal("weight % 2.0 == 0.0").allowed == ("int % int",)
    assert refusal("name.size()").allowed == ("startsWith", "endsWith", "contains")
    assert refusal("xyzzy").allowed == tuple(FIELDS)
    assert "(" in refusal("").allowed
