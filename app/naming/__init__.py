from app.domain.descriptions import Description


def describe_device(name: str | None) -> Description:
    return Description(name)


def describe_session(device_type: str | None) -> Description:
    return Description(device_type)


def name_from_user_agent(user_agent: str | None) -> str | None:
    return user_agent
