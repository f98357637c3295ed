"""Services that administer the host: refused by what to use instead."""

from serai import refuse

AdminService = refuse.base("AdminService")
AdminSIO = GetListAdminSIO = ChangePasswordBase = AdminService
