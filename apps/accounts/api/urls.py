from django.urls import path
from rest_framework.routers import SimpleRouter

from apps.accounts.api import password, setup, sign_in
from apps.accounts.api.users import UserViewSet

router = SimpleRouter(trailing_slash=False)
router.register("users", UserViewSet, basename="user")

urlpatterns = [
    path("setup/status", setup.Status.as_view()),
    path("setup/first-admin", setup.FirstAdmin.as_view()),
    path("auth/status", sign_in.Status.as_view()),
    path("auth/login", sign_in.Login.as_view()),
    path("auth/refresh", sign_in.Refresh.as_view()),
    path("auth/logout", sign_in.Logout.as_view()),
    path("auth/password", password.Password.as_view()),
    path("auth/me", sign_in.Me.as_view()),
    *router.urls,
]
