//! Template injection.

super::rules! { TABLE ["ssti", "CWE-1336", "crs-934"];
    EXPRESSION "ssti-001" "template expression" Critical 1:
        "{{7*7}}", "%2524%257B7*7%257D",
        not "Dear {{name}}, your ${item} is ready";
    OBJECTS "ssti-002" "template reaching into objects" Critical 1:
        "{{config.items()}}", "%257B%257B''.__class__.__mro__%257D%257D",
        not "{{ user.name }} lives in {{ user.city }}";
    DIRECTIVE "ssti-003" "template directive" Critical 1:
        "#set($x=1)", "%2523set($x%253D1)",
        not "#settings and <#1 fan>";
}
