"""How often signing in may be tried."""

import threading

import pytest
from django.db import connection

from apps.accounts import throttle
from apps.accounts.models import AttemptCount
from apps.accounts.throttle import PER_ADDRESS, PER_NAME, TooManyAttemptsError

HERE = "192.0.2.7"


def tries(count, name="alice", address="192.0.2.{}"):
    """How many of so many attempts, each from another address, are let through."""
    passed = 0
    for number in range(count):
        try:
            throttle.begin(name, address.format(number))
            passed += 1
        except TooManyAttemptsError:
            pass
    return passed


@pytest.mark.django_db
def test_a_name_is_closed_wherever_the_attempts_come_from(at):
    assert tries(PER_NAME + 5) == PER_NAME


@pytest.mark.django_db
def test_an_address_is_closed_whatever_the_names(at):
    passed = sum(tries(1, f"name {number}", HERE) for number in range(PER_ADDRESS + 5))

    assert passed == PER_ADDRESS


@pytest.mark.django_db
@pytest.mark.parametrize("name", ["ALICE", "ａlice"])
def test_a_name_is_the_same_in_other_letters(at, name):
    tries(PER_NAME)

    assert tries(1, name) == 0


@pytest.mark.django_db
def test_the_addresses_of_one_ipv6_network_are_one(at):
    passed = sum(tries(1, f"name {number}", f"2001:db8:1:2::{number:x}") for number in range(PER_ADDRESS + 5))

    assert passed == PER_ADDRESS


@pytest.mark.django_db
def test_it_opens_again_after_its_window_and_refusals_do_not_lengthen_it(at):
    tries(PER_NAME)
    at(14 * 60)
    with pytest.raises(TooManyAttemptsError) as refused:
        throttle.begin("alice", HERE)
    at(15 * 60)

    assert refused.value.retry_after_s == 60
    assert tries(1) == 1


@pytest.mark.django_db
def test_a_success_frees_the_name_and_gives_the_address_its_attempt_back(at):
    for number in range(PER_ADDRESS * 2):
        throttle.begin(f"name {number}", HERE).succeeded()

    tries(PER_NAME - 1)
    throttle.begin("alice", HERE).succeeded()
    assert tries(PER_NAME) == PER_NAME


@pytest.mark.django_db
def test_guessing_elsewhere_does_not_close_a_name_to_where_it_signed_in_from(at):
    throttle.begin("alice", HERE).succeeded()
    tries(PER_NAME + 5, address="198.51.100.{}")

    passed = sum(tries(1, "alice", HERE) for _ in range(PER_NAME + 5))

    assert passed == PER_NAME


@pytest.mark.django_db
def test_made_up_names_do_not_fill_the_table_and_no_row_tells_a_name(at, monkeypatch):
    monkeypatch.setattr(throttle, "BUCKET_DIGITS", 1)
    tries(100, "made-up {}", HERE)
    for number in range(100):
        tries(1, f"canary {number}", f"192.0.2.{number}")

    assert AttemptCount.objects.count() <= 16 * 2
    assert not [row for row in AttemptCount.objects.values_list("key", flat=True) if "canary" in row]


@pytest.mark.django_db
def test_what_has_ended_is_forgotten(at):
    tries(2)
    at(16 * 60)

    assert throttle.forget_ended() == 3
    assert not AttemptCount.objects.exists()


@pytest.mark.django_db(transaction=True)
def test_many_at_once_are_not_more_than_the_limit():
    passed = []

    def attempt():
        passed.append(tries(5))
        connection.close()

    threads = [threading.Thread(target=attempt) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert sum(passed) == PER_NAME
