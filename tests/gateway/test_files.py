"""A PDF goes to a model that reads files; where there is none, the answer says what is lacking and who can."""

from tests.gateway.conftest import Gateway

PDF = {
    "type": "file",
    "file": {"filename": "a.pdf", "file_data": "data:application/pdf;base64,JVBERi0="},
}
ASKED = [{"role": "user", "content": [{"type": "text", "text": "Sum this up."}, PDF]}]


async def test_goes_past_a_model_that_only_sees(gateway: Gateway):
    gateway.add("mistral", capabilities={"vision", "tools"})
    gateway.add("gemini", capabilities={"vision", "files"})

    answer = await gateway.client.chat(messages=ASKED)

    assert answer.json["provider"] == "gemini"
    assert [entry.provider for entry in gateway.fake.journal] == ["gemini"]


async def test_says_what_is_lacking_and_which_models_can(gateway: Gateway):
    gateway.add("gemini", "gemini-3.5-flash", capabilities={"vision", "files"})
    gateway.accounts.clear()
    gateway.add("mistral", capabilities={"vision", "tools"})

    answer = await gateway.client.chat(messages=ASKED)

    assert (answer.status, answer.error["code"]) == (400, "no_capable_provider")
    assert "lacks files" in answer.error["message"]
    assert "gemini/gemini-3.5-flash" in answer.error["message"]


async def test_names_nobody_where_nobody_can(gateway: Gateway):
    gateway.add("mistral", capabilities={"tools"})

    answer = await gateway.client.chat(messages=ASKED)

    assert answer.error["message"].endswith("lacks files, vision.")
