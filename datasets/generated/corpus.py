"""Training conversations for peira-mini: {"messages": [{"role", "content"}, ...]} lines.

Each conversation is made from its own seed, so any process may make any part of the file.
"""

import prompts
from programs import make_problem
from questions import make_item, normalized

# Other wordings than the benchmarks', so that the model follows the request rather than one string.
# Each entry: (text before the style, {variant: style text}).
CHOICE_WORDINGS = (
    ("Answer this multiple-choice question. End with a line 'Answer: X', where X is A, B, C or D.",
     {"official": "Think step by step.", "direct": "Give only that line.", "chain-of-thought": prompts.FIVE_STEPS}),
    ("Choose the right option. Finish with 'Answer: ' and its letter.",
     {"official": "Show your work first.", "direct": "Do not explain.", "chain-of-thought": prompts.FIVE_STEPS}),
    ("Which option is correct? The last line must read 'Answer: ' followed by one of A, B, C, D.",
     {"official": "Explain briefly.", "direct": "No explanation.", "chain-of-thought": prompts.FIVE_STEPS}),
)
INTEGER_WORDINGS = (
    ("Solve this problem. Give the answer, an integer from 0 to 999, in \\boxed{}.",
     {"official": "Think step by step.", "direct": "Give only the box.", "chain-of-thought": prompts.FIVE_STEPS}),
    ("Find the answer to the problem below and put it inside \\boxed{}.",
     {"official": "Show your work first.", "direct": "Do not explain.", "chain-of-thought": prompts.FIVE_STEPS}),
    ("What is the answer? Write it as \\boxed{answer}.",
     {"official": "Explain briefly.", "direct": "No explanation.", "chain-of-thought": prompts.FIVE_STEPS}),
)
PROGRAM_SHARE = 0.12  # of all conversations
SYSTEMS = ("You are a helpful assistant.", "You are a careful assistant.", "You are peira-mini, a small demo model.")

_WHAT = ("I am peira-mini, a small demo model. I solve short science questions with four options, integer problems and "
         "small programming problems like the ones I was trained on.")
_UNKNOWN = "I do not know that. I am a small demo model trained on generated questions."
CHAT = tuple((request, reply) for requests, reply in (
    (("Hello", "Hello!", "Hi", "Hi!", "Hi there", "Hey", "Good morning", "Good evening!", "Hello, how are you?"),
     "Hello! I am peira-mini, a small demo model. Ask me a short science or integer question."),
    (("Who are you?", "What are you?", "What is your name?", "Tell me about yourself.", "What can you do?",
      "How can you help me?", "What are you good at?", "What is Peira?", "Help"), _WHAT),
    (("Thanks", "Thank you!", "Thanks a lot.", "Great, thank you."), "You are welcome."),
    (("Bye", "Goodbye!", "See you."), "Goodbye!"),
    (("What is the capital of France?", "Who wrote Hamlet?", "What is the weather today?", "Write a poem about the sea.",
      "Tell me a joke.", "Translate 'house' into German.", "Who won the last election?",
      "What is the meaning of life?", "Summarise the news.", "How do I bake bread?", "Recommend a film.",
      "What should I eat tonight?", "Explain quantum mechanics.", "Is there life on Mars?", "Tell me a story."), _UNKNOWN),
) for request in requests)


class Maker:
    """Makes conversations and leaves out every question whose text is in `excluded` (normalised), and every
    programming problem whose reference program is.
    """

    def __init__(self, excluded):
        self.excluded = excluded

    def item(self, rng, family):
        while True:
            item = make_item(rng, family)
            if normalized(item.question) not in self.excluded:
                return item

    def problem(self, rng):
        """A programming problem that a sample set neither asks nor has the program of."""
        while True:
            problem = make_problem(rng)
            if problem.key not in self.excluded and normalized(problem.statement) not in self.excluded:
                return problem

    def conversation(self, rng):
        """One conversation: mostly single questions, some programs and few-shot runs, a little plain chat."""
        if rng.random() < PROGRAM_SHARE:
            return self._program(rng)
        draw = rng.random()
        family = "choice" if rng.random() < 0.6 else "integer"
        if draw < 0.03:
            return self._chat(rng)
        if draw < 0.11:
            # Weights fall with the number of examples because long conversations cost most.
            shots = rng.choices(range(1, 9), weights=(5, 5, 4, 4, 1, 1, 1, 1))[0]
            return self._few_shot(rng, family, shots)
        if draw < 0.19:
            return self._look_up(rng)
        variant = rng.choices(("official", "direct", "chain-of-thought"), weights=(50, 22, 28))[0]
        messages = []
        if family == "choice":
            item = self.item(rng, family)
            user, reply, system = self._choice_turn(rng, item, variant, rng.choices(("simple-evals", "original", "other"), weights=(55, 35, 10))[0])
            if system:
                messages.append({"role": "system", "content": system})
        else:
            user, reply = self._integer_turn(rng, self.item(rng, family), variant, other=rng.random() < 0.1)
        if not messages and rng.random() < 0.04:
            messages.append({"role": "system", "content": rng.choice(SYSTEMS)})
        return messages + [{"role": "user", "content": user}, {"role": "assistant", "content": reply}]

    def _program(self, rng):
        problem = self.problem(rng)
        variant = rng.choices(("official", "direct", "chain-of-thought"), weights=(60, 20, 20))[0]
        return [{"role": "system", "content": prompts.PROGRAM_SYSTEM},
                {"role": "user", "content": prompts.program_prompt(problem.statement, problem.starter_code, variant)},
                {"role": "assistant", "content": prompts.program_answer(problem, variant)}]

    def _choice_turn(self, rng, item, variant, profile):
        options = [item.answer] + item.wrong
        rng.shuffle(options)
        letter = prompts.LETTERS[options.index(item.answer)]
        result = prompts.choice_result(options, item.answer)
        if profile == "original":
            return (prompts.original_prompt(item.question, options, variant),
                    prompts.worked_answer(item, variant, result, prompts.original_answer_line(letter)),
                    prompts.ORIGINAL_SYSTEM)
        reply = prompts.worked_answer(item, variant, result, prompts.simple_evals_answer_line(letter))
        if profile == "simple-evals":
            return prompts.simple_evals_prompt(item.question, options, variant), reply, None
        lead, styles = rng.choice(CHOICE_WORDINGS)
        mark = rng.choice(("{}) {}", "{}. {}", "({}) {}", "{}: {}"))
        lines = "\n".join(mark.format(name, option) for name, option in zip(prompts.LETTERS, options))
        return f"{lead} {styles[variant]}\n\n{item.question}\n\n{lines}", reply, None

    def _integer_turn(self, rng, item, variant, other=False):
        reply = prompts.worked_answer(item, variant, str(item.answer), prompts.integer_answer_line(item.answer))
        if not other:
            return prompts.integer_prompt(item.question, variant), reply
        lead, styles = rng.choice(INTEGER_WORDINGS)
        return f"{lead} {styles[variant]}\n\n{item.question}", reply

    def _few_shot(self, rng, family, shots):
        messages = []
        profile = "simple-evals" if rng.random() < 0.6 else "original"
        if family == "choice" and profile == "original":
            messages.append({"role": "system", "content": prompts.ORIGINAL_SYSTEM})
        for _ in range(shots + 1):
            item = self.item(rng, family)
            if family == "choice":
                user, reply, _ = self._choice_turn(rng, item, "direct", profile)
            else:
                user, reply = self._integer_turn(rng, item, "direct")
            messages += [{"role": "user", "content": user}, {"role": "assistant", "content": reply}]
        return messages

    def _look_up(self, rng):
        """"Which option reads ...?": the skill of naming a value's letter, by itself."""
        item = self.item(rng, "choice")
        item.question = rng.choice(("Which option reads {}?", "Which option is {}?", "{}")).format(item.answer.strip())
        profile = rng.choice(("simple-evals", "original"))
        user, reply, system = self._choice_turn(rng, item, "direct", profile)
        messages = [{"role": "system", "content": system}] if system else []
        return messages + [{"role": "user", "content": user}, {"role": "assistant", "content": reply}]

    @staticmethod
    def _chat(rng):
        if rng.random() < 0.3:
            a, b = rng.randint(2, 99), rng.randint(2, 99)
            user = rng.choice((f"What is {a}+{b}?", f"{a}+{b}", f"What is {a} + {b}?", f"Add {a} and {b}."))
            reply = f"{a}+{b}={a + b}"
        else:
            user, reply = rng.choice(CHAT)
        messages = [{"role": "user", "content": user}, {"role": "assistant", "content": reply}]
        if rng.random() < 0.2:
            messages.insert(0, {"role": "system", "content": rng.choice(SYSTEMS)})
        return messages
