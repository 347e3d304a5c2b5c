"""The command line: people's verbs over REST, and what an operator does on one machine."""
