/// What models cost, in dollars a million tokens, each as in a file that `CHAT_PRICES` names.
///
/// As of 2026-11-28, from the table of litellm 1.110.2 (MIT), which names as its sources
/// https://ai.google.dev/gemini-api/docs/pricing and https://developers.openai.com/api/docs/pricing. Chat models that are not
/// to be switched off within days; text only, the standard tier. `cache_write` is for the usual time: for more than
/// twelve hours it costs twice, which nobody asks for here.
let builtInPrices: [String: String] = [
    "echo-1": #"{"input": 0, "output": 0}"#,

    "gemini-2.5-flash-lite": #"{"input": 0.10, "output": 0.40, "cached_input": 0.01}"#,
    "gemini-2.5-flash": #"{"input": 0.30, "output": 2.50, "cached_input": 0.03}"#,
    "gemini-2.5-pro": #"{"input": 1.25, "output": 10, "cached_input": 0.125, "#
        + #""above": {"tokens": 200000, "input": 2.50, "output": 15, "cached_input": 0.25}}"#,
    "gemini-3-flash-preview": #"{"input": 0.50, "output": 3, "cached_input": 0.05}"#,
    "gemini-3.1-flash-lite": #"{"input": 0.25, "output": 1.50, "cached_input": 0.025}"#,
    "gemini-3.1-pro-preview": #"{"input": 2, "output": 12, "cached_input": 0.20, "#
        + #""above": {"tokens": 200000, "input": 4, "output": 18, "cached_input": 0.40}}"#,
    "gemini-3.5-flash-lite": #"{"input": 0.30, "output": 2.50, "cached_input": 0.03}"#,
    "gemini-3.5-flash": #"{"input": 1.50, "output": 9, "cached_input": 0.15}"#,
    "gemini-3.6-flash": #"{"input": 0.75, "output": 3.75, "cached_input": 0.075}"#,
    "gemini-3.7-flash": #"{"input": 0.75, "output": 3.75, "cached_input": 0.075}"#,
    "gemini-3.8-flash": #"{"input": 0.75, "output": 3.75, "cached_input": 0.075}"#,
    "gemini-4-argon": #"{"input": 2, "output": 10, "cached_input": 0.10}"#,

    "gpt-4o": #"{"input": 2.50, "output": 10, "cached_input": 1.25}"#,
    "gpt-4o-mini": #"{"input": 0.15, "output": 0.60, "cached_input": 0.075}"#,
    "gpt-4.1": #"{"input": 2, "output": 8, "cached_input": 0.50}"#,
    "gpt-4.1-mini": #"{"input": 0.40, "output": 1.60, "cached_input": 0.10}"#,
    "gpt-5": #"{"input": 1.25, "output": 10, "cached_input": 0.125}"#,
    "gpt-5-mini": #"{"input": 0.25, "output": 2, "cached_input": 0.025}"#,
    "gpt-5-nano": #"{"input": 0.05, "output": 0.40, "cached_input": 0.005}"#,
    "gpt-5.1": #"{"input": 1.25, "output": 10, "cached_input": 0.125}"#,
    "gpt-5.2": #"{"input": 1.75, "output": 14, "cached_input": 0.175}"#,
    "gpt-5.4": #"{"input": 2.50, "output": 15, "cached_input": 0.25, "#
        + #""above": {"tokens": 272000, "input": 5, "output": 22.50, "cached_input": 0.50}}"#,
    "gpt-5.4-mini": #"{"input": 0.75, "output": 4.50, "cached_input": 0.075}"#,
    "gpt-5.4-nano": #"{"input": 0.20, "output": 1.25, "cached_input": 0.02}"#,
    "gpt-5.5": #"{"input": 5, "output": 30, "cached_input": 0.50, "#
        + #""above": {"tokens": 272000, "input": 10, "output": 45, "cached_input": 1}}"#,
    "gpt-5.6": #"{"input": 4, "output": 20, "cached_input": 0.40, "cache_write": 5, "#
        + #""above": {"tokens": 272000, "input": 8, "output": 30, "cached_input": 0.80, "cache_write": 10}}"#,
    "gpt-5.6-sol": #"{"input": 4, "output": 20, "cached_input": 0.40, "cache_write": 5, "#
        + #""above": {"tokens": 272000, "input": 8, "output": 30, "cached_input": 0.80, "cache_write": 10}}"#,
    "gpt-5.6-terra": #"{"input": 2, "output": 12, "cached_input": 0.20, "cache_write": 2.50, "#
        + #""above": {"tokens": 272000, "input": 4, "output": 18, "cached_input": 0.40, "cache_write": 5}}"#,
    "gpt-5.6-luna": #"{"input": 0.20, "output": 1.20, "cached_input": 0.02, "cache_write": 0.25, "#
        + #""above": {"tokens": 272000, "input": 0.40, "output": 1.80, "cached_input": 0.04, "cache_write": 0.50}}"#,
    "gpt-6-astra": #"{"input": 10, "output": 50, "cached_input": 1, "cache_write": 12.50, "#
        + #""above": {"tokens": 272000, "input": 20, "output": 75, "cached_input": 2, "cache_write": 25}}"#,
    "gpt-6-sol": #"{"input": 2, "output": 10, "cached_input": 0.20, "cache_write": 2.50, "#
        + #""above": {"tokens": 272000, "input": 4, "output": 15, "cached_input": 0.40, "cache_write": 5}}"#,
    "gpt-6-luna": #"{"input": 0.10, "output": 0.50, "cached_input": 0.01, "cache_write": 0.125, "#
        + #""above": {"tokens": 272000, "input": 0.20, "output": 0.75, "cached_input": 0.02, "cache_write": 0.25}}"#,
    "gpt-6.1-sol": #"{"input": 2, "output": 10, "cached_input": 0.10, "cache_write": 2.50, "#
        + #""above": {"tokens": 272000, "input": 4, "output": 15, "cached_input": 0.20, "cache_write": 5}}"#,
    "gpt-6.1-terra": #"{"input": 1, "output": 5, "cached_input": 0.05, "cache_write": 1.25, "#
        + #""above": {"tokens": 272000, "input": 2, "output": 7.50, "cached_input": 0.10, "cache_write": 2.50}}"#,
    "o3": #"{"input": 2, "output": 8, "cached_input": 0.50}"#,
]
