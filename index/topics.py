"""Splits the topic tags that a brief runs together on its last line (“Indo-Pacific North Korea”)."""

# Tags of more than one word that think tanks commonly use. What is not here falls apart into
# single words; a topic filter therefore looks at the joined line (`Filters.topic`).
_KNOWN = """
Indigenous Rights|Maritime Disputes|Public Administration|Natural Resources|Land Rights|Illicit Finance|
Parliamentary Oversight|Intelligence Sharing|Special Envoys|Sovereign Wealth Funds|Sovereign Wealth|
Small Island States|Small States|Energy Regulation|Nordic Countries|Constitutional Reform|
Security Sector Reform|Religious Affairs|Sanctions Evasion|Joint Exercises|Labour Relations|
Export Restrictions|Energy Transition|Disaster Recovery|Military Exercises|Summit Diplomacy|Military Bases|
Policy Review|Burden Sharing|Consular Affairs|Humanitarian Policy|Offshore Finance|Conflict Minerals|
Transitional Justice|Land Claims|Currency Crises|Carbon Markets|Data Privacy|Spectrum Policy|Nuclear Waste|
Nuclear Power|Nuclear Weapons|Local Democracy|Water Treaties|Property Rights|Power Markets|Extreme Weather|
Disaster Management|Cyber Operations|Police Reform|Southeastern Europe|Women’s Rights|Peace Agreements|
Party Politics|Coalition Government|Arms Embargo|Intelligence Reform|Border Disputes|Naval Affairs|
Crisis Communication|Extended Deterrence|Peace Talks|Missile Tests|U.S. Defense Policy and Strategy|
Arms Control|Asylum Policy|Banking Regulation|Ballistic Missiles|Basing Rights|Black Sea|Border Incidents|
Cabinet Affairs|Capital Markets|Central Africa|Central America|Central Asia|Central Banks|Central Europe|
Child Welfare|Civil Liberties|Civil Service|Civil Society|Climate Adaptation|Climate Change|Climate Finance|
Climate Policy|Commissions of Inquiry|Competition Policy|Congressional Oversight|Consumer Protection|
Critical Infrastructure|Critical Minerals|Cyber Security|Data Protection|Deep Sea Mining|Defense Budget|
Defense Industry|Defense Procurement|Detained Nationals|Development Aid|Development Finance|
Digital Currencies|Digital Identity|Disability Rights|Disaster Relief|Drug Policy|Early Childhood|
East Africa|East Asia|Eastern Europe|Economic Security|Economic Statecraft|Emergency Management|
Energy Policy|Energy Security|European Union|Exchange Rates|Export Controls|Financial Regulation|
Fiscal Policy|Food Security|Foreign Aid|Foreign Investment|Foreign Policy|Freedom of Expression|
Freedom of Navigation|Freedom of the Press|Global Health|Gulf States|Health Policy|Higher Education|
Historical Justice|Horn of Africa|Hostage Diplomacy|Hong Kong|Housing Policy|Human Rights|
Human Trafficking|Humanitarian Access|Humanitarian Aid|Indian Ocean|Indigenous Peoples|
Industrial Policy|Infrastructure Resilience|Inner Asia|Intellectual Property|International Law|
International Organizations|Labor Markets|Labor Migration|Labor Rights|Latin America|Local Government|
Maritime Security|Maritime Trade|Media Freedom|Middle East|Military and Political Power|
Military Pensions|Minority Rights|Missile Defense|Monetary Policy|Money Laundering|Municipal Finance|
National Security|North Africa|North America|North Atlantic|North Korea|Northern Europe|Nuclear Fuel|
Nuclear Safety|Outer Space|Pacific Islands|Peace Process|Pension Reform|Political Economy|Press Freedom|
Procurement Reform|Public Finance|Public Health|Public Opinion|Public Procurement|Public Transport|
Refugee Policy|Regional Connectivity|Regional Integration|Regional Organizations|Research Security|
Rule of Law|Sanctions Enforcement|Sanctions and Illicit Finance|Saudi Arabia|Social Policy|
Social Protection|South Africa|South America|South Asia|South China Sea|South Korea|Southeast Asia|
Southeast Europe|Southern Africa|Southern Europe|Sovereign Debt|Space Policy|State Capacity|
State Capture|Supply Chains|Tax Policy|Technology Transfer|Trade Disputes|Trade Policy|
Trade Preferences|Transatlantic Relations|Transatlantic Security|Transnational Repression|
Undersea Cables|United Kingdom|United Nations|United States|Urban Planning|Urban Policy|Water Policy|
Water Security|Welfare Reform|West Africa|Western Balkans|Western Europe|Wildlife Trafficking|
World Trade Organization|Alliance Relations|Military Alliances|Public Services|Artificial Intelligence
"""
_JOINERS = frozenset({"of", "and", "the", "for", "in", "on", "&"})
_PHRASES = frozenset(phrase.strip() for phrase in _KNOWN.replace("\n", "").split("|"))
_LONGEST = max(len(phrase.split()) for phrase in _PHRASES)


def split_topics(line: str) -> tuple[str, ...]:
    """The topics of a tag line, in order, each a run of its words.

    Known tags of several words stay whole (longest first), a small word (“of”, “and”) holds its
    neighbours together, any other word is a topic of its own. Separators that a line does have
    (commas, semicolons, bars) are respected.
    """
    if any(mark in line for mark in ",;|"):
        parts = line.replace(";", ",").replace("|", ",").split(",")
        return tuple(part.strip() for part in parts if part.strip())
    words = line.split()
    topics: list[str] = []
    at = 0
    while at < len(words):
        size = next((n for n in range(_LONGEST, 1, -1) if " ".join(words[at : at + n]) in _PHRASES), 1)
        while at + size + 1 < len(words) and words[at + size] in _JOINERS:
            size += 1
            if words[at + size] not in _JOINERS:
                size += 1
        topics.append(" ".join(words[at : at + size]))
        at += size
    return tuple(topics)
