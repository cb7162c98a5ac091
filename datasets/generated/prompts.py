"""Prompts and the answers that peira-mini learns to give, byte for byte as evals/ renders them.

The prompt texts here repeat those of the C++ suites on purpose: training must see exactly what
evaluation sends. Change them together.
"""

from arithmetic import brief, detailed

LETTERS = "ABCD"
FIVE_STEPS = ("Work in five numbered steps: 1. understand what is asked, 2. choose an approach, "
              "3. reason it through, 4. state the answer, 5. verify it.")

SIMPLE_EVALS_STYLE = {
    "official": "Work through the question step by step before you answer.",
    "direct": "Reply with that line only.",
    "chain-of-thought": FIVE_STEPS,
}
ORIGINAL_SYSTEM = "You answer difficult multiple-choice science questions accurately."
ORIGINAL_STYLE = {
    "official": "",
    "direct": "Reply with one sentence only. ",
    "chain-of-thought": FIVE_STEPS + " ",
}
INTEGER_STYLE = {
    "official": "Reason step by step.",
    "direct": "Reply with the boxed answer only.",
    "chain-of-thought": FIVE_STEPS,
}
SIMPLE_EVALS_LEAD = ("Answer the following multiple-choice question. The last line of your reply must have the form "
                     "'Answer: $LETTER' (without the quotes), where LETTER is one of ABCD.")
INTEGER_LEAD = ("Solve the following problem. Put your final answer inside \\boxed{}. The answer is an integer between "
                "0 and 999 inclusive.")

MMMU_STYLE = {
    "official": "Reply with the letter of the right option and nothing else.",
    "chain-of-thought": FIVE_STEPS + " End with the letter of the right option in parentheses, as in (X).",
}
VIDEO_STYLE = {
    "official": "Reply with nothing but the letter (A, B, C or D) of that option.",
    "chain-of-thought": FIVE_STEPS + " Then reply with the letter alone on the last line.",
}

PROGRAM_SYSTEM = ("You are an expert Python programmer. You are given a question (the specification of a problem) and write "
                  "a correct Python program that meets the specification and passes all tests.")
PROGRAM_STYLE = {
    "official": "",
    "direct": " Reply with the code only.",
    "chain-of-thought": " " + FIVE_STEPS + " The code comes last.",
}
PROGRAM_STDIN = ("Read the input from stdin, solve the problem and write the answer to stdout (do not test directly on the "
                 "sample input). Put your code between the delimiters below, so that the program, when it is run, reads the "
                 "input, runs the algorithm and writes its output to stdout.")
PROGRAM_FUNCTION = ("Write the solution into the following starter code and put your code between the delimiters.")


def simple_evals_prompt(question, options, variant):
    """Multiple choice, profile simple-evals: one user message."""
    lines = "\n".join(f"{letter}) {option}" for letter, option in zip(LETTERS, options))
    return f"{SIMPLE_EVALS_LEAD} {SIMPLE_EVALS_STYLE[variant]}\n\n{question}\n\n{lines}"


def original_prompt(question, options, variant):
    """Multiple choice, profile official: the user message (ORIGINAL_SYSTEM goes before it)."""
    lines = "\n".join(f"({letter}) {option}" for letter, option in zip(LETTERS, options))
    return (f"Find the correct answer to this question: {question}\n\nChoices:\n{lines}\n\n"
            f"{ORIGINAL_STYLE[variant]}Give it in the form \"The correct answer is (insert answer here)\".")


def integer_prompt(problem, variant):
    """Integer problem: one user message."""
    return f"{INTEGER_LEAD} {INTEGER_STYLE[variant]}\n\n{problem}"


def mmmu_prompt(question, options, variant):
    """A question on pictures: one user message; pictures go where their marks are."""
    lines = "\n".join(f"({letter}) {option}" for letter, option in zip(LETTERS, options))
    return f"{question}\n{lines}\n\n{MMMU_STYLE[variant]}"


def video_mme_prompt(question, options, variant):
    """A question on a video: what follows the video in the user message."""
    lines = "\n".join(f"{letter}. {option}" for letter, option in zip(LETTERS, options))
    return (f"Choose the option that best answers this question about the video. {VIDEO_STYLE[variant]}\n{question}\n{lines}\n"
            "The best answer is:")


def seen_answer(explanation, answer, variant, answer_line, letter):
    """The reply to a question on media: the letter alone, or five steps and then `answer_line`."""
    if variant == "official":
        return letter
    return (f"1. understand - what is shown or heard\n2. approach - look and listen\n3. reason - {explanation}\n"
            f"4. answer - {answer}\n5. verify - it is among the options\n{answer_line}")


def worked_answer(item, variant, result, answer_line):
    """The reply to one of the three variants: brief working, none, or five detailed steps.

    result       how the working ends: "42" or what choice_result says
    answer_line  the line that the extractor reads
    """
    if variant == "direct":
        return answer_line
    if variant == "official":
        return f"{item.plan}\n{brief('; '.join(brief_steps(item)))}\n{result}\n{answer_line}"
    # "Answer:" must not occur before the last line: the simple-evals pattern takes the first one.
    return (f"1. understand - {item.ask}\n2. approach - {item.plan}\n3. reason - {detailed('; '.join(item.steps))}\n"
            f"4. answer - {result}\n5. verify - {item.check}\n{answer_line}")


def brief_steps(item):
    """The steps that the brief working shows: in long multiple-choice solutions the last two.

    So the model has to find the first ones in its head, and spelling out all of them helps.
    """
    is_long = item.family == "choice" and len(item.steps) > 3 and item.kind != "codons"
    return item.steps[-2:] if is_long else item.steps


def choice_result(options, correct):
    """The value found, held against the options in turn: "28 m/s, A 14 m/s no, B 28 m/s yes".

    A small model does not learn to look a value's letter up in one go; copying each option and
    comparing it with what stands just before is easy.
    """
    tried = []
    for letter, option in zip(LETTERS, options):
        tried.append(f"{letter} {option.strip()} " + ("yes" if option == correct else "no"))
        if option == correct:
            break
    return f"{correct.strip()}, " + ", ".join(tried)


def simple_evals_answer_line(letter):
    return f"Answer: {letter}"


def original_answer_line(letter):
    return f"The correct answer is ({letter})."


def integer_answer_line(value):
    return f"\\boxed{{{value}}}"


def program_prompt(statement, starter_code, variant):
    """Programming problem: the user message (PROGRAM_SYSTEM goes before it)."""
    sentence, code = (PROGRAM_FUNCTION, starter_code) if starter_code else (PROGRAM_STDIN, "# YOUR CODE HERE")
    return (f"### Question:\n{statement}\n\n### Format: {sentence}{PROGRAM_STYLE[variant]}\n```python\n{code}\n```\n\n"
            "### Answer: (use the provided format with backticks)\n\n")


def program_answer(problem, variant):
    """The reply to one of the three variants: the plan and the program, the program, or five steps before it."""
    code = f"```python\n{problem.program}\n```"
    if variant == "direct":
        return code
    if variant == "official":
        return f"Plan: {problem.plan}\n\n{code}"
    reads = f"a function of {problem.draft.argument}" if problem.function_name else "reads " + " ".join(problem.draft.layout.split())
    shown = " ".join(problem.example[1].split())
    return (f"1. understand - {reads}\n2. approach - {problem.title.lower()}\n3. reason - {problem.plan}\n"
            f"4. answer - the program below\n5. verify - the sample gives {shown}\n\n{code}")
