//! LDAP injection.

super::rules! { TABLE ["ldapi", "CWE-90", "crs-921"];
    FILTER "ldapi-001" "LDAP filter" Critical 1:
        "*)(uid=*))(|(uid=*", "admin)%2528%2526%2528objectclass%253D*%2529",
        not "(a)(b) and (c)";
}
