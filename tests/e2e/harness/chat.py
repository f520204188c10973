"""Chats with the gateway through the providers' SDKs.

The SDKs do not retry and have short timeouts, so that a failing gateway fails the test.
"""

MODEL = "demo-1"
QUESTION = "What is measured here?"
MESSAGES = [{"role": "user", "content": QUESTION}]

OPENAI_PATH = "/v1/chat/completions"
OPENAI_STREAM = {
    "model": MODEL,
    "messages": MESSAGES,
    "stream": True,
    "stream_options": {"include_usage": True},
}
ANTHROPIC_PATH = "/v1/messages"
ANTHROPIC_PLAIN = {"model": MODEL, "messages": MESSAGES, "max_tokens": 1000}


SCHEMA = {
    "type": "object",
    "properties": {"city": {"type": "string"}},
    "required": ["city"],
}
# A tool that the model must call, in the format of each API.
OPENAI_TOOL = {
    "tools": [{"type": "function", "function": {"name": "weather", "parameters": SCHEMA}}],
    "tool_choice": {"type": "function", "function": {"name": "weather"}},
}
ANTHROPIC_TOOL = {
    "tools": [{"name": "weather", "input_schema": SCHEMA}],
    "tool_choice": {"type": "tool", "name": "weather"},
}


class OpenAiChat:
    """A client of `test.gateway`, or of another gateway, that uses OpenAI's SDK."""

    def __init__(self, test, gateway=None):
        openai = test.module("openai")
        url = (gateway or test.gateway).url
        self.client = openai.OpenAI(
            base_url=f"{url}/v1", api_key="any", max_retries=0, timeout=30
        )
        test.addCleanup(self.client.close)

    def plain(self, **options):
        """Requests a whole reply and returns the completion."""
        return self.client.chat.completions.create(model=MODEL, messages=MESSAGES, **options)

    def stream(self, **options):
        """Requests a streamed reply and returns its chunks as a stream; the last has the usage."""
        return self.client.chat.completions.create(**{**OPENAI_STREAM, **options})

    def streamed(self, **options):
        """Requests a streamed reply and returns all its chunks."""
        with self.stream(**options) as stream:
            return list(stream)


class AnthropicChat:
    """A client of `test.gateway`, or of another gateway, that uses Anthropic's SDK."""

    def __init__(self, test, gateway=None):
        anthropic = test.module("anthropic")
        url = (gateway or test.gateway).url
        self.client = anthropic.Anthropic(
            base_url=url, api_key="any", max_retries=0, timeout=30
        )
        test.addCleanup(self.client.close)

    def plain(self, **options):
        """Requests a whole reply and returns the message."""
        return self.client.messages.create(**{**ANTHROPIC_PLAIN, **options})

    def stream(self, **options):
        """Requests a streamed reply and returns its context manager."""
        return self.client.messages.stream(**{**ANTHROPIC_PLAIN, **options})

    def streamed(self, **options):
        """Requests a streamed reply and returns the message that the SDK assembles."""
        with self.stream(**options) as stream:
            return stream.get_final_message()


def openai_usage(usage):
    """Maps the values of the label `token_type` to the counts of an OpenAI usage."""
    return {"input": usage.prompt_tokens, "output": usage.completion_tokens}


def anthropic_usage(usage):
    """Maps the values of the label `token_type` to the counts of an Anthropic usage."""
    return {"input": usage.input_tokens, "output": usage.output_tokens}
