"""Chats with the gateway through the providers' own SDKs.

The SDKs neither retry nor wait for long: a gateway that fails shall be seen failing.
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
# A tool that the model has to call, in each API's words.
OPENAI_TOOL = {
    "tools": [{"type": "function", "function": {"name": "weather", "parameters": SCHEMA}}],
    "tool_choice": {"type": "function", "function": {"name": "weather"}},
}
ANTHROPIC_TOOL = {
    "tools": [{"name": "weather", "input_schema": SCHEMA}],
    "tool_choice": {"type": "tool", "name": "weather"},
}


class OpenAiChat:
    """A user of OpenAI's SDK, of `test.gateway` or another."""

    def __init__(self, test, gateway=None):
        openai = test.module("openai")
        url = (gateway or test.gateway).url
        self.client = openai.OpenAI(
            base_url=f"{url}/v1", api_key="any", max_retries=0, timeout=30
        )
        test.addCleanup(self.client.close)

    def plain(self, **options):
        """The completion."""
        return self.client.chat.completions.create(model=MODEL, messages=MESSAGES, **options)

    def stream(self, **options):
        """The stream of chunks, of which the last has the usage."""
        return self.client.chat.completions.create(**{**OPENAI_STREAM, **options})

    def streamed(self, **options):
        """The chunks, read to the end."""
        with self.stream(**options) as stream:
            return list(stream)


class AnthropicChat:
    """A user of Anthropic's SDK, of `test.gateway` or another."""

    def __init__(self, test, gateway=None):
        anthropic = test.module("anthropic")
        url = (gateway or test.gateway).url
        self.client = anthropic.Anthropic(
            base_url=url, api_key="any", max_retries=0, timeout=30
        )
        test.addCleanup(self.client.close)

    def plain(self, **options):
        """The message."""
        return self.client.messages.create(**{**ANTHROPIC_PLAIN, **options})

    def stream(self, **options):
        """The stream, which is a context."""
        return self.client.messages.stream(**{**ANTHROPIC_PLAIN, **options})

    def streamed(self, **options):
        """The message that the SDK puts together from a stream."""
        with self.stream(**options) as stream:
            return stream.get_final_message()


def openai_usage(usage):
    """An OpenAI usage, by the values of the label `token_type`."""
    return {"input": usage.prompt_tokens, "output": usage.completion_tokens}


def anthropic_usage(usage):
    """An Anthropic usage, by the values of the label `token_type`."""
    return {"input": usage.input_tokens, "output": usage.output_tokens}
