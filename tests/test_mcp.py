"""The endpoints as an agent uses them: through a real MCP client."""

import asyncio
import json
from collections.abc import Iterator

import pytest
from fake_assistant import HEAT, FakeAssistant, cite
from mcp import ClientSession
from mcp.client.streamable_http import streamable_http_client

from index.errors import PackageMissing
from ui.app import build_app, launch


@pytest.fixture(scope="module")
def url() -> Iterator[str]:
    app = build_app(FakeAssistant())  # type: ignore[arg-type]
    yield launch(app, mcp_server=True)
    app.close(verbose=False)


def with_session(url: str, use):
    """What `use(session)` returns, in a session with the server."""

    async def run():
        async with streamable_http_client(f"{url}gradio_api/mcp/") as (read, write, _):
            async with ClientSession(read, write) as session:
                await session.initialize()
                return await use(session)

    return asyncio.run(run())


def test_the_tools_say_what_they_do(url: str) -> None:
    tools = {tool.name: tool for tool in with_session(url, lambda session: session.list_tools()).tools}
    assert sorted(tools) == ["ask", "brief", "briefs", "status", "update", "verify"]
    assert {name for name, tool in tools.items() if len(tool.description) < 80} == set()
    assert tools["ask"].description.startswith("Answers a question from the indexed policy briefs, only ever in their")
    arguments = tools["ask"].inputSchema["properties"]
    assert arguments["after"]["description"] == "Only briefs of this date or later, as 2021-03-15."
    assert tools["ask"].inputSchema["required"] == ["question"]


def test_an_agent_asks_and_reads_the_source(url: str) -> None:
    async def use(session):
        asked = await session.call_tool("ask", {"question": "How large is the levy?", "kind": "Insight"})
        reply = json.loads(asked.content[0].text)
        read = await session.call_tool("brief", {"id": reply["answers"][0]["citation"]["id"]})
        return reply, json.loads(read.content[0].text)

    reply, brief = with_session(url, use)
    assert reply["found"] is True
    assert reply["answers"][0]["citation"]["id"] == cite(HEAT, "0.4 cents on each kilowatt-hour").id
    assert brief["text"][brief["start"] : brief["end"]] == brief["quote"] == reply["answers"][0]["text"]


def test_an_agent_verifies_what_it_wrote(url: str) -> None:
    cited = cite(HEAT, "0.4 cents on each kilowatt-hour")
    text = f"The levy is “{cited.quote}” [{cited.id}], and more [0123456789ab:1-2]."
    result = with_session(url, lambda session: session.call_tool("verify", {"text": text}))
    assert [(v["citation"]["id"], v["status"]) for v in json.loads(result.content[0].text)] == [
        (cited.id, "intact"), ("0123456789ab:1-2", "gone"),
    ]  # fmt: skip


def test_an_agent_is_told_what_is_wrong(url: str) -> None:
    result = with_session(url, lambda session: session.call_tool("ask", {"question": " "}))
    assert result.isError
    assert "The question is empty; ask something like" in result.content[0].text


def test_without_the_package_the_way_out_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("ui.app.find_spec", lambda name: None)
    with pytest.raises(PackageMissing, match="pip install 'mcp<2'"):
        launch(build_app(FakeAssistant()), mcp_server=True)  # type: ignore[arg-type]
