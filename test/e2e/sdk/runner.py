"""Runs jobs with the official SDK of Python: work as JSON on stdin, outcomes as JSON on stdout. The twin of runner.ts."""

import base64
import json
import sys
import urllib.request

import openai


def main():
    work = json.load(sys.stdin)
    client = openai.OpenAI(api_key=work["key"], base_url=work["baseUrl"], max_retries=0, timeout=30)
    json.dump([run_job(client, job) for job in work["jobs"]], sys.stdout)


def run_job(client, job):
    script(job["upstream"], "POST", job["script"])
    outcomes = []
    turn = {"asked": [], "said": None, "calls": []}
    for step in job["steps"]:
        outcome = {}
        try:
            turn = run_step(client, step, turn, outcome)
        except openai.OpenAIError as problem:
            outcome["error"] = thrown(problem)
        outcomes.append(outcome)
        if "error" in outcome:
            break
    script(job["upstream"], "DELETE", [])
    return outcomes


def script(upstream, method, behaviours):
    body = json.dumps(behaviours).encode()
    urllib.request.urlopen(urllib.request.Request(f"{upstream}/_script", body, method=method)).close()


def run_step(client, step, turn, outcome):
    """Fills in the outcome bit by bit, so that what was there before an exception is told too."""
    call, given = step["call"], step["with"]
    if call == "chat":
        return chat(client, given, turn, outcome)
    if call == "completion":
        completion(client, given, outcome)
    elif call == "embeddings":
        answer = client.embeddings.create(**given)
        outcome["vectors"] = [[entry.embedding[0], len(entry.embedding)] for entry in answer.data]
        outcome["usage"] = [answer.usage.prompt_tokens, 0]
    elif call == "images":
        answer = client.images.generate(**given)
        outcome["images"] = [event.type for event in answer] if given.get("stream") else images_of(answer)
    elif call == "edit":
        image = ("a.png", base64.b64decode(given["image"]), "image/png")
        outcome["images"] = images_of(client.images.edit(**{**given, "image": image}))
    elif call == "models":
        outcome["models"] = sorted(model.id for model in client.models.list())
    elif call == "model":
        outcome["models"] = [client.models.retrieve(given["model"]).id]
    return turn


def images_of(answer):
    return ["url" if image.url else "b64_json" if image.b64_json else "nothing" for image in answer.data or []]


def chat(client, given, turn, outcome):
    asked = []
    for message in given["messages"]:
        if message == "$asked":
            asked += turn["asked"]
        elif message == "$said":
            asked.append(turn["said"])
        elif message == "$results":
            for index, call in enumerate(turn["calls"]):
                asked.append({"role": "tool", "tool_call_id": call["id"], "content": f"r{index}"})
        else:
            asked.append(message)
    request = {**given, "messages": asked}
    said, calls = (streamed if given.get("stream") else whole)(client, request, outcome)
    outcome["calls"] = [{"name": call["name"], "arguments": parsed(call["arguments"])} for call in calls]
    return {"asked": asked, "said": said, "calls": calls}


def whole(client, request, outcome):
    answer = client.chat.completions.create(**request)
    choice = answer.choices[0]
    outcome["choices"] = len(answer.choices)
    outcome["finish"] = choice.finish_reason
    outcome["usage"] = tokens_of(answer.usage)
    outcome["text"] = choice.message.content
    outcome["reasoning"] = getattr(choice.message, "reasoning_content", None)
    calls = [
        {"id": call.id, "name": call.function.name, "arguments": call.function.arguments}
        for call in choice.message.tool_calls or []
    ]
    return choice.message, calls


def streamed(client, request, outcome):
    calls = []
    outcome.update(text="", reasoning=None, finish=None, usage=None, usage_chunks=0)
    for chunk in client.chat.completions.create(**request):
        if chunk.usage:
            outcome["usage"] = tokens_of(chunk.usage)
            outcome["usage_chunks"] += 1
        if not chunk.choices:
            continue
        choice = chunk.choices[0]
        outcome["text"] += choice.delta.content or ""
        reasoning = getattr(choice.delta, "reasoning_content", None)
        if reasoning:
            outcome["reasoning"] = (outcome["reasoning"] or "") + reasoning
        outcome["finish"] = choice.finish_reason or outcome["finish"]
        for part in choice.delta.tool_calls or []:
            add_to(calls, part)
    said = {"role": "assistant", "content": outcome["text"] or None}
    if calls:
        said["tool_calls"] = [
            {
                "id": call["id"],
                "type": "function",
                "function": {"name": call["name"], "arguments": call["arguments"]},
            }
            for call in calls
        ]
    return said, calls


def add_to(calls, part):
    while len(calls) <= part.index:
        calls.append({"id": "", "name": "", "arguments": ""})
    call = calls[part.index]
    call["id"] += part.id or ""
    call["name"] += (part.function and part.function.name) or ""
    call["arguments"] += (part.function and part.function.arguments) or ""


def completion(client, given, outcome):
    if not given.get("stream"):
        answer = client.completions.create(**given)
        outcome["text"] = answer.choices[0].text
        outcome["finish"] = answer.choices[0].finish_reason
        outcome["usage"] = tokens_of(answer.usage)
        return
    outcome.update(text="", finish=None, usage=None, usage_chunks=0)
    for chunk in client.completions.create(**given):
        if chunk.usage:
            outcome["usage"] = tokens_of(chunk.usage)
            outcome["usage_chunks"] += 1
        if chunk.choices:
            outcome["text"] += chunk.choices[0].text or ""
            outcome["finish"] = chunk.choices[0].finish_reason or outcome["finish"]


def tokens_of(usage):
    return None if usage is None else [usage.prompt_tokens, usage.completion_tokens]


def parsed(text):
    try:
        return json.loads(text)
    except ValueError:
        return text


def thrown(problem):
    body = problem.body if isinstance(getattr(problem, "body", None), dict) else {}
    response = getattr(problem, "response", None)
    return {
        "thrown": type(problem).__name__,
        "status": getattr(problem, "status_code", None),
        "type": getattr(problem, "type", None),
        "code": getattr(problem, "code", None),
        "param": getattr(problem, "param", None),
        "message": body.get("message", str(problem)),
        "retry_after": response.headers.get("retry-after") if response is not None else None,
    }


main()
