"""The demonstration: one incident on the simulated SOC, worked by a scripted agent and two people."""
