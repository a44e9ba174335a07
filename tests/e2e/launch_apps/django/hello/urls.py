from django.contrib.auth.models import User
from django.http import HttpRequest, HttpResponse
from django.urls import path


def hello(_request: HttpRequest) -> HttpResponse:
    return HttpResponse(f"hello from django, {User.objects.count()} users")


urlpatterns = [path("", hello)]
