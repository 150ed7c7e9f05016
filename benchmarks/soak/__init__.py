"""A gateway under mixed traffic with faults, for as long as one likes: does it stay what it was?"""
