"""The OpenAPI document: `api` describes the routes of DRF, `lean` those of the lean handler, `schemas` the types of both."""
